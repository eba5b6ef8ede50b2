"""The one limit on what a small file may become in memory.

A few kilobytes can unpack to terabytes: compressed archives, pictures, tensors that claim a shape.
Whatever reads a file that somebody else may have made computes what it is about to become, and asks
`check_expansion` before memory is reserved.

A file may become `FACTOR` times its own size, and at least `FLOOR` bytes. The floor is room for
every small file that is honest (a compressed archive of masks grows a thousandfold), and any
machine that a detector runs on has it; the factor is more than photographs (about 10) and
compressed weights (less than 2) reach, so that large files need no exception. The environment
variable `COMPOSER_MAX_BYTES` replaces the floor, for whoever trusts a file or has less memory.

Text does not unpack, but a file of it that is read whole takes a few times its size. It is refused
where that is more than the memory at hand and than the same variable says.
"""

from __future__ import annotations

import os
import re

FLOOR = 2**30
FACTOR = 16
VARIABLE = "COMPOSER_MAX_BYTES"

_AMOUNT = re.compile(r"(\d{1,18})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_ABSURD = 1000 * 2**40


class ExpansionError(ValueError):
    """A file would become more than its size allows; the message names the file and the way out."""


def max_expansion(size: int) -> int:
    """The largest number of bytes that a file may become in memory.

    Args:
        size: bytes of the file.

    Raises:
        ExpansionError: the environment variable has another value than a number of bytes.
    """
    return max(_floor(), FACTOR * size)


def check_expansion(source: str | os.PathLike[str], *, size: int, needed: int) -> None:
    """Refuses a file that would become too large. Call it before memory is reserved.

    Args:
        source: the file as the user named it.
        size: bytes of the file.
        needed: bytes that the file would become in memory, as far as is known.

    Raises:
        ExpansionError: as said; the message names the file, the sizes and the variable.
    """
    if needed > (limit := max_expansion(size)):
        raise ExpansionError(
            f"{os.fspath(source)}: refused: the file of {format_bytes(size)} would take at least "
            f"{format_bytes(needed)} of memory, and {format_bytes(limit)} is the limit. If you "
            f"trust the file, raise the limit with the environment variable {VARIABLE} "
            f"({VARIABLE}={_round_up(needed)})."
        )


class Expansion:
    """Adds up what the parts of a file become in memory.

    Args:
        source: the file as the user named it.
        size: bytes of the file.
    """

    def __init__(self, source: str | os.PathLike[str], size: int) -> None:
        self.source, self.size = source, size
        self.needed = 0
        self._limit = max_expansion(size)

    def add(self, count: int) -> None:
        """Adds a number of bytes, before or right after memory is reserved for them.

        Raises:
            ExpansionError: the parts so far are more than the file may become.
        """
        self.needed += count
        if self.needed > self._limit:
            check_expansion(self.source, size=self.size, needed=self.needed)


def describe_excess(size: int, needed: int, available: int | None) -> str:
    """Why a file that is read whole would take too much memory; empty if it would not.

    Args:
        size: bytes of the file.
        needed: bytes of memory that it would take at least.
        available: bytes of memory at hand; None where that is not known.

    Raises:
        ExpansionError: the environment variable has another value than a number of bytes.
    """
    if available is None or needed <= available or needed <= _floor():
        return ""
    return (
        f"it has {format_bytes(size)} and would take at least {format_bytes(needed)} of memory, "
        f"and {format_bytes(available)} are at hand. Divide the file, or raise the limit with the "
        f"environment variable {VARIABLE} ({VARIABLE}={_round_up(needed)})"
    )


def format_bytes(count: int) -> str:
    """A number of bytes for people: `18 MiB`, `4.6 GiB`."""
    if count >= _ABSURD:
        return "more than 1000 TiB"
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "kiB")):
        if count >= 1024**power:
            value = count / 1024**power
            return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count} bytes"


def parse_bytes(text: str) -> int | None:
    """A number of bytes as people write it, `2147483648` or `2G`; None if it is none."""
    match = _AMOUNT.fullmatch(text.strip())
    return None if match is None else int(match[1]) * 1024 ** _POWERS[match[2].lower()]


def _floor() -> int:
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return FLOOR
    if (found := parse_bytes(text)) is None:
        raise ExpansionError(
            f"the environment variable {VARIABLE} is {text[:40]!r}; it is a number of bytes, such "
            f"as {2 * FLOOR} or 2G"
        )
    return found


def _round_up(count: int) -> str:
    """The least whole number of GiB that is enough, as the variable expects it."""
    return f"{-(-min(count, _ABSURD) // 2**30)}G"
