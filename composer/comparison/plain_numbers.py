"""Numbers as JSON has them: without infinities."""

from __future__ import annotations

import math
from typing import Any


def plain_number(value: Any) -> Any:
    """A number that is infinite or none as the text `inf` or `nan`; anything else as it is."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
