"""Progress of a download: a bar on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

from composer.limits import format_bytes

_LOGGER = logging.getLogger(__name__)


class DownloadProgress:
    """Says what is fetched, and shows on a terminal how far it is.

    Args:
        shown: the address, without secrets.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._is_announced = False
        self._bar: Any = None

    def begin(self, done: int, total: int | None) -> None:
        """Begins, or begins again, with so many bytes done, of so many if that is known."""
        from tqdm import tqdm

        if not self._is_announced:
            size = "" if total is None else f" ({format_bytes(total)})"
            more = f", from {format_bytes(done)} on" if done else ""
            _LOGGER.warning("note: fetching %s%s%s", self._shown, size, more)
            self._is_announced = True
        self.close()
        self._bar = tqdm(
            total=total,
            initial=done,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def add(self, count: int) -> None:
        """Counts bytes that have come."""
        if self._bar is not None:
            self._bar.update(count)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
