"""Pickles of numpy arrays: detectron2's model zoo, Caffe2 and Detectron1."""

from __future__ import annotations

import math
import mmap
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from composer.checkpoint.unpickler import Named, Unpickler, Vocabulary, as_key
from composer.regular_files import open_regular_file

_NUMBERS = re.compile(r"\?|b1|[iu][1248]|f[248]|c(8|16)")
_BYTE_ORDERS = "<>=|"


class PickledDtype:
    """A dtype while it is read: its byte order comes later, as state."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        self.dtype = dtype

    def restore(self, state: object) -> None:
        """Takes the byte order from a state, which may hold nothing else."""
        match state:
            case (int(), str(order), None, None, None, *_) if order in _BYTE_ORDERS:
                self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]
            case _:
                raise TypeError("a dtype with fields or of an unknown kind")


def _dtype(code: object, *_: object) -> PickledDtype:
    text = as_text(code)
    if not _NUMBERS.fullmatch(text):
        raise TypeError(f"an array of dtype '{text}': numbers only")
    return PickledDtype(np.dtype(text))


def _empty_array(kind: object, *_: object) -> NDArray[np.generic]:
    if kind != Named("numpy.ndarray"):
        raise TypeError("an array of another class than numpy.ndarray")
    return np.empty(0, np.uint8)


def _array_of_buffer(
    buffer: object, dtype: object, shape: object, order: object, *_: object
) -> NDArray[np.generic]:
    data, item, sides = _checked(buffer, dtype, shape)
    return np.frombuffer(data, item).reshape(sides, order="F" if order == "F" else "C")


def _scalar(dtype: object, data: object) -> np.generic:
    raw, item, _ = _checked(data, dtype, ())
    return np.frombuffer(raw, item)[0]


def _restore(target: object, state: object) -> None:
    if isinstance(target, PickledDtype):
        target.restore(state)
        return
    if type(target) is not np.ndarray or type(state) is not tuple:
        raise TypeError(f"state set on a {type(target).__name__}")
    shape, dtype, is_fortran, buffer = state[-4:]
    data, item, sides = _checked(buffer, dtype, shape)
    target.__setstate__((1, sides, item, bool(is_fortran), data))  # type: ignore[arg-type]


def _checked(
    buffer: object, dtype: object, shape: object
) -> tuple[bytes, np.dtype[np.generic], tuple[int, ...]]:
    """The parts of an array, once its claimed size is known to be that of its data."""
    if not isinstance(dtype, PickledDtype):
        raise TypeError("an array without a dtype")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise TypeError("an array whose shape is no tuple of sizes")
    data = buffer.encode("latin1") if isinstance(buffer, str) else buffer
    if not isinstance(data, (bytes, bytearray)):
        raise TypeError(f"an array whose data are a {type(buffer).__name__}")
    if (wanted := math.prod(shape) * dtype.dtype.itemsize) != len(data):
        raise ValueError(
            f"an array of shape {shape} takes {wanted} bytes, and there are {len(data)}"
        )
    return bytes(data), dtype.dtype, shape


def as_text(value: object) -> str:
    """Text, which Python 2 stored as bytes.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, bytes):
        return value.decode("latin1")
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value


def encode_text(text: object, encoding: object = "latin1") -> bytes:
    """`_codecs.encode`, by which the old protocols store bytes; other codecs are refused."""
    if as_text(encoding).replace("-", "") not in {"latin1", "utf8", "ascii"}:
        raise ValueError(f"the codec '{encoding}'")
    return as_text(text).encode(as_text(encoding))


def make_bytearray(content: object = b"", encoding: object = "latin1") -> bytearray:
    """`bytearray`, of bytes or, in the old protocols, of text; never of a number of zeros."""
    return bytearray(content if isinstance(content, bytes) else encode_text(content, encoding))


def make_ordered_dict(pairs: Iterable[tuple[object, object]] = ()) -> OrderedDict[object, object]:
    """`collections.OrderedDict`, with plain keys."""
    return OrderedDict((as_key(key), value) for key, value in pairs)


def make_set(items: Iterable[object] = ()) -> set[object]:
    """`set`, with plain elements."""
    return {as_key(item) for item in items}


def _empty_bytes() -> bytes:
    """`bytes()`, as the old protocols store the data of an array without items."""
    return b""


CONTAINERS: dict[str, Callable[..., object] | None] = {
    "_codecs.encode": encode_text,
    "collections.OrderedDict": make_ordered_dict,
    "builtins.bytes": _empty_bytes,
    "__builtin__.bytes": _empty_bytes,
    "builtins.bytearray": make_bytearray,
    "__builtin__.bytearray": make_bytearray,
    "builtins.set": make_set,
    "__builtin__.set": make_set,
}

NUMPY_VOCABULARY = Vocabulary(
    holds="numpy arrays of numbers and plain containers",
    functions={
        **CONTAINERS,
        "numpy.ndarray": None,
        "numpy.dtype": _dtype,
        # numpy 2 renamed its core.
        **{
            f"numpy.{core}.{name}": function
            for core in ("core", "_core")
            for name, function in (
                ("multiarray._reconstruct", _empty_array),
                ("multiarray.scalar", _scalar),
                ("numeric._frombuffer", _array_of_buffer),
            )
        },
    },
    restore=_restore,
)


def read_pickle(path: Path) -> object:
    """The value that a pickle describes, with text of Python 2 decoded as Latin-1.

    Raises:
        CheckpointError: it is damaged, or holds more than arrays and plain containers.
        OSError: the file cannot be read.
    """
    with (
        open_regular_file(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return Unpickler(
            content, size=len(content), vocabulary=NUMPY_VOCABULARY, source=str(path)
        ).load()
