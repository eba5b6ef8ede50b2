"""Reading safetensors files: their header alone, or tensors one by one.

A tensor is a view of the bytes of the memory-mapped file, whose header was checked.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor

from composer.checkpoint.byte_order import swap_bytes
from composer.checkpoint.torch_pickle import MAX_DIMENSIONS
from composer.checkpoint.zip_directory import MAX_MEMBERS as MAX_TENSORS
from composer.errors import CheckpointError
from composer.garbage_collection import paused_collection
from composer.json_documents import parse_json_document
from composer.regular_files import open_regular_file

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # the limit of the format
_METADATA = "__metadata__"
_LARGEST = 2**63
_DTYPES = {
    "BOOL": torch.bool,
    **{f"U{bits}": getattr(torch, f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"I{bits}": getattr(torch, f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"F{bits}": getattr(torch, f"float{bits}") for bits in (16, 32, 64)},
    "BF16": torch.bfloat16,
    "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}


@dataclass(frozen=True)
class StoredTensor:
    """The place of a tensor in a file.

    Attributes:
        dtype: the type of its numbers.
        shape: its shape.
        begin: its first byte, counted from the end of the header.
        end: the byte after its last one.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    """The header of a file.

    Attributes:
        metadata: the metadata of the file.
        tensors: key -> place of the tensor.
        start: the byte at which the data begin.
    """

    metadata: Mapping[str, str]
    tensors: Mapping[str, StoredTensor]
    start: int

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Key -> shape of the tensor."""
        return {key: tensor.shape for key, tensor in self.tensors.items()}


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
            header = parse_json_document(text, is_strict=True)
            return _parse(header, _LENGTH_BYTES + length, room - length)
    except ValueError as error:
        raise CheckpointError(
            f"{path}: a safetensors file with a malformed header: {error!s:.200}."
        ) from error


def _parse(header: object, start: int, num_data_bytes: int) -> SafetensorsHeader:
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
    tensors = {
        key: _place(key, tensor if isinstance(tensor, dict) else {}, num_data_bytes)
        for key, tensor in header.items()
    }
    _check_places(tensors, num_data_bytes)
    return SafetensorsHeader(metadata, tensors, start)


def _place(key: str, tensor: Mapping[str, object], num_data_bytes: int) -> StoredTensor:
    shape, offsets, kind = tensor.get("shape"), tensor.get("data_offsets"), tensor.get("dtype")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the tensor '{key:.80}' has no shape or no place")
    if not isinstance(kind, str):
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
    if (dtype := _DTYPES.get(kind)) is None:
        raise ValueError(f"the tensor '{key:.80}' has the kind of numbers {kind!r:.40}; {_KINDS}")
    if (needed := math.prod(shape) * dtype.itemsize) != end - begin:
        raise ValueError(
            f"the tensor '{key:.80}' of shape {shape!s:.80} and kind {kind} takes {needed!s:.30} "
            f"bytes, and its place has {end - begin}"
        )
    return StoredTensor(dtype, tuple(shape), begin, end)


_KINDS = f"those that are read are {', '.join(sorted(_DTYPES))}"


def _check_places(tensors: Mapping[str, StoredTensor], num_data_bytes: int) -> None:
    """Refuses data that belong to no tensor or to several.

    Raises:
        ValueError: as said.
    """
    reached = 0
    for key, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != reached:
            between = "in those of another" if tensor.begin < reached else "after a gap"
            raise ValueError(f"the bytes of the tensor '{key:.80}' begin {between}")
        reached = tensor.end
    if reached != num_data_bytes:
        raise ValueError(f"the last {num_data_bytes - reached} bytes belong to no tensor")


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
        self.header = read_header(path)
        self._data = _map_data(path, self.header.start)

    def __getitem__(self, key: str) -> Tensor:
        place = self.header.tensors[key]
        data = self._data[place.begin : place.end]
        if not data.numel():
            return torch.empty(place.shape, dtype=place.dtype)
        if place.begin % place.dtype.itemsize or data.data_ptr() % place.dtype.itemsize:
            data = data.clone()
        if sys.byteorder != "little":
            data = data.clone()
            swap_bytes(data, place.dtype)
        return data.view(place.dtype).view(place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.header.tensors)

    def __len__(self) -> int:
        return len(self.header.tensors)


def _map_data(path: Path, start: int) -> Tensor:
    """The bytes of a file from a place on. What is written to them does not reach the file."""
    with open_regular_file(path) as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    if start >= len(content):
        return torch.empty(0, dtype=torch.uint8)
    return torch.frombuffer(content, dtype=torch.uint8, offset=start)
