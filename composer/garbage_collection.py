"""Pauses Python's collector of cyclic garbage while many objects are made that stay.

It looks at all of them again and again while they are made, which takes half the time of checking
a spec of ten thousand nodes, and there is next to nothing to collect.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_pauses = [0]  # of all threads: the collector belongs to the process


@contextmanager
def paused_collection() -> Iterator[None]:
    """Pauses the collector until the last of all threads leaves the body; if it was on at all."""
    with _lock:
        is_paused = gc.isenabled() or _pauses[0] > 0
        if is_paused:
            _pauses[0] += 1
            gc.disable()
    try:
        yield
    finally:
        if is_paused:
            with _lock:
                _pauses[0] -= 1
                if not _pauses[0]:
                    gc.enable()
