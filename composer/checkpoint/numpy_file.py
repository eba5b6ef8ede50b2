"""Reading `.npy` and `.npz` files: arrays of numbers, and nothing else."""

from __future__ import annotations

import math
import mmap
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from composer.checkpoint.zip_directory import read_directory, read_member
from composer.limits import Expansion
from composer.regular_files import open_regular_file

Array = NDArray[np.generic]

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # by version: how long the length of the header is
_LONGEST_HEADER = 10_000  # as numpy reads by default
_MAX_DIMENSIONS = 64
_MOST_ITEMS = 2**58
_SUFFIX = ".npy"
_ENTRY = re.compile(
    r"'(?P<key>descr|fortran_order|shape)'\s*:\s*"
    r"(?P<value>'[^']{1,20}'|True|False|\([\d\sL,]*\))\s*(,|(?=\}))\s*"
)
_NUMBERS = re.compile(r"[<>|=]?(\?|b1|[iu][1248]|f[248]|c(8|16))")


class _Header(NamedTuple):
    dtype: np.dtype[np.generic]
    is_fortran: bool
    shape: tuple[int, ...]
    start: int


def read_npy(path: Path) -> Array:
    """The array in a file, writable and with the byte order of this machine.

    Raises:
        ValueError: it is damaged, or holds something else than one array of numbers.
        OSError: the file cannot be read.
    """
    with (
        open_regular_file(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        header = _read_header(content[: _LONGEST_HEADER + 12], len(content))
        return _copy_array(content, header)


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays in an archive by name.

    Raises:
        ExpansionError: it unpacks to more than its size allows.
        ValueError: it is damaged, or holds something else than arrays of numbers.
        OSError: the file cannot be read.
    """
    arrays = {}
    with (
        open_regular_file(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        expansion = Expansion(path, len(content))
        for name, member in read_directory(content, len(content)).items():
            if not name.endswith(_SUFFIX):
                raise ValueError(f"the member '{name:.80}' is no array")
            data = read_member(content, member, expansion)
            header = _read_header(data[: _LONGEST_HEADER + 12], len(data))
            arrays[name.removesuffix(_SUFFIX)] = _copy_array(data, header)
    return arrays


def _copy_array(content: bytes | mmap.mmap, header: _Header) -> Array:
    dtype, is_fortran, shape, start = header
    if not math.prod(shape):
        return np.empty(shape, dtype.newbyteorder("="))
    items = np.frombuffer(content, dtype, offset=start)
    array = items.reshape(shape, order="F" if is_fortran else "C")
    return np.array(array, dtype=dtype.newbyteorder("="), order="C")


def _read_header(begin: bytes, length: int) -> _Header:
    """The header of an array, once its claimed size is known to be that of its data.

    Args:
        begin: the first bytes of the file.
        length: bytes of the whole file.
    """
    width = _LENGTH_BYTES.get(begin[6]) if begin[:6] == _MAGIC and len(begin) > 12 else None
    if width is None:
        raise ValueError("it does not begin like an array of numpy")
    start = 8 + width + int.from_bytes(begin[8 : 8 + width], "little")
    if start > min(len(begin), _LONGEST_HEADER):
        raise ValueError("the header of an array is cut off, or too long")
    text = begin[8 + width : start].decode("latin-1").strip()
    found = {match["key"]: match["value"] for match in _ENTRY.finditer(text)}
    if len(found) != 3 or _ENTRY.sub("", text).strip() != "{}":
        raise ValueError(f"the header of an array is malformed, or says records: {text:.80}")
    code = found["descr"].strip("'")
    if not _NUMBERS.fullmatch(code):
        what = "of Python objects" if "O" in code else f"of {code}"
        raise ValueError(f"an array {what} is no tensor")
    dtype, shape = np.dtype(code), _read_shape(found["shape"])
    if (needed := math.prod(shape) * dtype.itemsize) != length - start:
        raise ValueError(
            f"an array of shape {shape!s:.80} takes {needed} bytes, and there are {length - start}"
        )
    return _Header(dtype, found["fortran_order"] == "True", shape, start)


def _read_shape(text: str) -> tuple[int, ...]:
    sides = [side.strip().rstrip("L") for side in text.strip("()").split(",") if side.strip()]
    if len(sides) > _MAX_DIMENSIONS or any(not 1 <= len(side) <= 18 for side in sides):
        raise ValueError("an array of too many or too large dimensions")
    shape = tuple(int(side) for side in sides)
    if math.prod(max(side, 1) for side in shape) > _MOST_ITEMS:
        raise ValueError("an array larger than any memory")
    return shape
