"""Opening files that users name: a pipe is not waited for, and no device is read."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# Opening a pipe waits for its writer, without this flag.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_regular_file(path: str | os.PathLike[str]) -> BufferedReader:
    """Opens a regular file for reading.

    Raises:
        OSError: it cannot be opened, or is none; `strerror` says what it is instead.
    """
    return open(path, "rb", opener=_open)


def find_special_kind(path: str | os.PathLike[str]) -> str | None:
    """What has this path in place of a regular file: `a folder`, `a pipe`; None if nothing has."""
    try:
        return _name_special(os.stat(path).st_mode)
    except (OSError, ValueError):
        return None


def _open(path: str, flags: int) -> int:
    _check_kind(path, os.stat(path).st_mode)  # to open a device may already have an effect
    descriptor = os.open(path, flags | _NO_WAIT)
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)  # another thing may have taken its place
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_kind(path: str, mode: int) -> None:
    if (kind := _name_special(mode)) is not None:
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"it is {kind}, not a file", path)


def _name_special(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
