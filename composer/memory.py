"""The memory that this process may still take, and what would be more than that."""

from __future__ import annotations

import os
import re
from pathlib import Path

from composer.escapes import describe_error
from composer.limits import format_bytes

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
_SMALL = 2**26  # bytes that are not worth asking the system about
# What torch and numpy say of memory that there is not, or of sizes that no number holds.
_AMOUNT = re.compile(
    r"(?:tried to|Unable to) allocate (?P<count>[\d.]+) ?(?P<unit>bytes|[KMGTPE]iB)"
)
_REFUSED = re.compile(
    r"can't allocate memory|size calculation overflowed|numel: integer multiplication overflow"
    r"|array is too big|Maximum allowed dimension exceeded"
    r"|[Oo]verflow(?:ed)? when (?:unpacking|calculating)"
)
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_UNITS |= {"TiB": 2**40, "PiB": 2**50, "EiB": 2**60}


class MemoryShortageError(MemoryError):
    """Something would take more memory than is at hand; nothing was reserved."""


def check_allocation(needed: int, what: str) -> None:
    """Refuses what would take more memory than is at hand. Call it before memory is reserved.

    Args:
        needed: bytes of what is about to be made.
        what: what that is, as the beginning of the message: `1 image, padded to 64 x 64,`.

    Raises:
        MemoryShortageError: as said.
    """
    if needed < _SMALL:
        return
    available = available_memory()
    if available is not None and needed > available:
        raise MemoryShortageError(
            f"{what} would take {format_bytes(needed)} of memory, and {format_bytes(available)} "
            "are at hand"
        )


def describe_shortage(error: BaseException) -> str:
    """What an error says of memory that there is not; empty if it is about something else.

    Accelerators say more of their own memory, and are left to it.
    """
    if isinstance(error, MemoryShortageError):
        return str(error)
    text = describe_error(error, with_kind=False)
    if (found := _AMOUNT.search(text)) is not None:
        needed = format_bytes(int(float(found["count"]) * _UNITS[found["unit"]]))
        available = available_memory()
        at_hand = "" if available is None else f", and {format_bytes(available)} are at hand"
        return f"it needs a tensor of {needed}{at_hand}"
    if _REFUSED.search(text):
        return "it needs a tensor that is larger than any memory"
    return "the memory is full" if isinstance(error, MemoryError) else ""


def available_memory() -> int | None:
    """Bytes of memory that are free or can be freed, within limits of containers.

    Returns:
        The number of bytes; None where the system does not say.
    """
    found = [_read_machine(), *(_read_container(*files) for files in _CGROUPS)]
    return min((count for count in found if count is not None), default=None)


def _read_machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def _read_container(limit: Path, usage: Path) -> int | None:
    """The memory that is left of a container's limit; caches of files count as used."""
    try:
        return max(0, int(limit.read_text()) - int(usage.read_text()))
    except (OSError, ValueError):  # no such file, or `max`
        return None
