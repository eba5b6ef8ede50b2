"""Reading safetensors files: their header alone, or tensors one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from safetensors import SafetensorError, safe_open
from torch import Tensor

from composer.checkpoint.torch_pickle import MAX_DIMENSIONS
from composer.checkpoint.zip_directory import MAX_MEMBERS as MAX_TENSORS
from composer.errors import CheckpointError
from composer.garbage_collection import paused_collection
from composer.regular_files import open_regular_file

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # the limit of the format
_METADATA = "__metadata__"
_LARGEST = 2**63


@dataclass(frozen=True)
class SafetensorsHeader:
    """The header of a file.

    Attributes:
        metadata: the metadata of the file.
        shapes: key -> shape of the tensor.
    """

    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def read_header(path: Path) -> SafetensorsHeader:
    """The header of a file, without touching its tensors.

    Raises:
        CheckpointError: it is truncated or malformed, or claims more than the file has.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        room = size - _LENGTH_BYTES
        if length > min(room, _LONGEST_HEADER):
            raise CheckpointError(
                f"{path}: truncated, damaged or hostile: its header claims {length} bytes, and "
                f"{max(room, 0)} follow (at most {_LONGEST_HEADER} are allowed)."
            )
        text = file.read(length)
    try:
        with paused_collection():
            return _parse(_read_json(text), room - length)
    except ValueError as error:
        raise CheckpointError(
            f"{path}: a safetensors file with a malformed header: {error!s:.200}."
        ) from error


def _read_json(text: bytes) -> object:
    """The content of a header.

    Raises:
        ValueError: it is no JSON, or an object has a key twice; in words for people.
    """
    try:
        return json.loads(text.decode(), object_pairs_hook=_unlike)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8 from byte {error.start} on") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON from character {error.pos} on") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError as error:
        is_ours = isinstance(error, _TwiceError)
        raise ValueError(str(error) if is_ours else "a number has too many digits") from None


class _TwiceError(ValueError):
    """A key of an object occurs twice."""


def _unlike(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON, whose keys may not occur twice."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"the key '{key:.80}' occurs twice")
        found[key] = value
    return found


def _parse(header: object, num_data_bytes: int) -> SafetensorsHeader:
    if not isinstance(header, dict):
        raise ValueError("it is no object of JSON")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict):
        raise ValueError("the metadata are no object of JSON")
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise ValueError(f"the metadata '{key:.80}' are no text")
    if len(header) > MAX_TENSORS:
        raise ValueError(f"it has {len(header)} tensors, and {MAX_TENSORS} is the limit")
    shapes = {
        key: _shape(key, tensor if isinstance(tensor, dict) else {}, num_data_bytes)
        for key, tensor in header.items()
    }
    return SafetensorsHeader(metadata, shapes)


def _shape(key: str, tensor: Mapping[str, object], num_data_bytes: int) -> tuple[int, ...]:
    shape, offsets = tensor.get("shape"), tensor.get("data_offsets")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the tensor '{key:.80}' has no shape or no place")
    if not isinstance(tensor.get("dtype"), str):
        raise ValueError(f"the tensor '{key:.80}' has no kind of numbers")
    if any(side >= _LARGEST for side in shape):
        raise ValueError(f"the tensor '{key:.80}' is larger than any file")
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(
            f"the tensor '{key:.80}' has {len(shape)} dimensions, and {MAX_DIMENSIONS} is the limit"
        )
    begin, end = offsets
    if not begin <= end <= num_data_bytes:
        raise ValueError(
            f"the tensor '{key:.80}' claims the bytes {begin} to {end} of {num_data_bytes}"
        )
    return tuple(shape)


def _are_sizes(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(side) is int and side >= 0 for side in values)


class SafetensorsTensors(Mapping[str, Tensor]):
    """The tensors of a file by key. Each is read when it is asked for.

    Args:
        path: the file.

    Attributes:
        header: the header of the file.

    Raises:
        CheckpointError: the file is malformed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.header = read_header(path)
        try:
            self._file = safe_open(path, framework="pt", device="cpu")
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(f"{path}: a damaged safetensors file: {error!s:.200}.") from error

    def __getitem__(self, key: str) -> Tensor:
        if key not in self.header.shapes:
            raise KeyError(key)
        try:
            return self._file.get_tensor(key)  # type: ignore[no-untyped-call]
        except (SafetensorError, RuntimeError, AttributeError) as error:
            raise CheckpointError(
                f"{self._path}: the tensor '{key}' cannot be read: {error!s:.200}."
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.header.shapes)

    def __len__(self) -> int:
        return len(self.header.shapes)
