"""Tensors from files of any usual kind, as they were written by anyone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.checkpoint import SafetensorsTensors, read_npy, read_npz, read_torch_value
from composer.errors import CheckpointError, ComposerError, InputError
from composer.garbage_collection import paused_collection
from composer.limits import ExpansionError
from composer.regular_files import find_special_kind, open_regular_file
from composer.storage.stored_values import is_stored_value, read_value

Tensors = Tensor | Mapping[str, Tensor]

_DIGITS = re.compile(r"([0-9]+)")


def is_tensor_file(path: str | os.PathLike[str]) -> bool:
    """Whether the suffix is that of a file that `read_tensors` reads."""
    return Path(path).suffix.lower() in _READERS


@paused_collection()
def read_tensors(path: str | os.PathLike[str]) -> Any:
    """Reads a file of tensors.

    Args:
        path: a `.safetensors`, `.npz`, `.npy`, `.pt`, `.pth` or `.json` file; the latter holds
            lists of numbers, or an object of those. Nothing in the file is executed.

    Returns:
        A stored value as it was saved; otherwise the tensors by name, or the only one of a file
        that gives no names.

    Raises:
        InputError: it does not exist, is of another kind, or cannot be read.
        CheckpointError: it is a damaged safetensors file.
    """
    file = Path(path)
    if not file.is_file():
        kind = find_special_kind(file)
        reason = "there is no such file" if kind is None else f"it is {kind}, not a file"
        raise InputError(f"{file}: {reason}")
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{file}: not a file of tensors; those are {', '.join(_READERS)}")
    try:
        return reader(file)
    except ExpansionError as error:
        raise InputError(str(error)) from error
    except ComposerError:
        raise
    except Exception as error:  # a file can break its reader in ways that nobody has listed
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: cannot be read: {reason:.200}") from error


def _read_safetensors(file: Path) -> Any:
    tensors = SafetensorsTensors(file)
    if is_stored_value(tensors.header.metadata):
        return read_value(file)
    # Files of this kind do not keep the order in which tensors were written.
    return {key: tensors[key].clone() for key in sorted(tensors, key=_by_number)}


def _by_number(key: str) -> list[tuple[int, str]]:
    """Sorts p2 before p10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(key)]


def _read_npz(file: Path) -> dict[str, Tensor]:
    return {key: _to_tensor(array) for key, array in read_npz(file).items()}


def _read_npy(file: Path) -> Tensor:
    return _to_tensor(read_npy(file))


def _to_tensor(array: Any) -> Tensor:
    try:
        return torch.from_numpy(array)
    except TypeError:
        raise ValueError(f"an array of {array.dtype} is no tensor") from None


def _read_torch(file: Path) -> Any:
    try:
        return read_torch_value(file)
    except CheckpointError as error:
        reason = str(error).removeprefix(f"{file}: ")
        raise InputError(f"{file}: cannot be read: {reason}") from error


def _read_json(file: Path) -> Tensors:
    with open_regular_file(file) as stream:
        content = json.loads(stream.read(), object_pairs_hook=_unlike)
    if isinstance(content, dict):
        return {key: _numbers(item) for key, item in content.items()}
    return _numbers(content)


def _unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of JSON, whose keys may not occur twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object of JSON has a key twice")
    return found


def _numbers(content: object) -> Tensor:
    try:
        return torch.tensor(content)
    except (TypeError, RuntimeError, ValueError):
        raise ValueError("it holds more than lists of numbers, all of one length") from None


_READERS: Mapping[str, Callable[[Path], Any]] = {
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".json": _read_json,
}
