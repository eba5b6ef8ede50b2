"""Times of imports: what has changed since may differ from the code that runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_NOTE = "__composer_imported_at__"  # an attribute of modules, which a module takes with it
_MARGIN = 10.0  # seconds: where the start of the process is not known
_STARTING = 1.0  # seconds that imports before this one take
_LOADED_AT = time.time()


@contextmanager
def noted_import(module: str) -> Iterator[None]:
    """Notes when the package of a module was imported, if it is in the body of the `with`.

    Args:
        module: a dotted name.
    """
    package = module.partition(".")[0]
    is_new, moment = package not in sys.modules, time.time()
    yield
    if is_new and package in sys.modules:
        setattr(sys.modules[package], _NOTE, moment)


def import_time(package: str) -> float:
    """A time before which no module of a package was imported, in seconds since 1970.

    Args:
        package: a top-level package or module.
    """
    noted: float = getattr(sys.modules.get(package), _NOTE, 0.0)
    return noted or _find_start()


@cache
def _find_start() -> float:
    """When this process was started."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        ticks = int(fields.rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return _LOADED_AT - _MARGIN
    # A process that was forked has the modules of its parent.
    return min(time.time() - age, _LOADED_AT - _STARTING)
