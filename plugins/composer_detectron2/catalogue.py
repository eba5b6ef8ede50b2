"""The model zoo of detectron2 and of its projects, as data.

`zoo.json` has an entry for each published checkpoint: its name as in the zoo (of the projects,
with the folders of its address), the published metrics, and the spec that it is, with settings.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("zoo.json")


@cache
def catalogue() -> dict[str, Any]:
    """The catalogue, as plain values."""
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found
