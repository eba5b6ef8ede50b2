"""Keeps the memory of freed tensors in the process, for the next ones.

The GNU C library gives a large block back to the system as soon as it is freed, and the system
clears every page of the next one: a fifth of the time of a detector on a processor.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_BYTES = 1 << 30  # larger blocks, and more free memory than this, still go back


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Has the C library keep freed memory, unless the user has chosen otherwise.

    Args:
        environment: `MALLOC_*`, `GLIBC_TUNABLES` and `LD_PRELOAD` are such choices.

    Returns:
        Whether it does.
    """
    if sys.platform != "linux" or any(map(_is_choice, environment)):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    is_set = [library.mallopt(each, _BYTES) for each in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)]
    return all(is_set)


def _is_choice(name: str) -> bool:
    return name.startswith("MALLOC_") or name in ("GLIBC_TUNABLES", "LD_PRELOAD")
