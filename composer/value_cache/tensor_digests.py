"""Hashes of tensors: of their content for keys, and quick ones that show whether it changed."""

from __future__ import annotations

import hashlib
import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from composer.value_cache.unknown_content import UnknownContentError

_SMALL = 4096  # bytes, which are hashed as fast as compared
_COLUMNS = 512  # words in a row of a checksum
_PLAIN = (Tensor, nn.Parameter, nn.Buffer) if hasattr(nn, "Buffer") else (Tensor, nn.Parameter)


class TensorDigests:
    """Hashes of tensors. Those of large ones are remembered as long as the content stays.

    Neither identity nor version counter shows every change: `tensor.data` and arrays of numpy write
    past them. So a remembered hash is taken after the quick checksum of all bytes was compared.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], bytes, bytes]] = {}

    def find(self, tensor: Tensor) -> bytes:
        """The hash of a tensor that is likely to be asked for again: a weight.

        Raises:
            UnknownContentError: it has no plain data.
        """
        if tensor.nbytes <= _SMALL:
            return digest_tensor(tensor)
        checksum = find_checksum(view_bytes(tensor)) + describe_layout(tensor)
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor and known[1] == checksum:
            return known[2]
        digest = digest_tensor(tensor)
        key = id(tensor)
        forget = weakref.ref(tensor, lambda _: self._known.pop(key, None))
        self._known[key] = (forget, checksum, digest)
        return digest

    def __deepcopy__(self, _memo: object) -> TensorDigests:
        return TensorDigests()

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorDigests, ()


def digest_quickly(tensor: Tensor) -> bytes:
    """A checksum of the kind, the layout and the content of a tensor, to see whether it changed.

    Raises:
        UnknownContentError: it has no plain data.
    """
    return hashlib.sha256(describe_layout(tensor) + find_checksum(view_bytes(tensor))).digest()


def digest_tensor(tensor: Tensor) -> bytes:
    """A hash of the kind, the layout in memory and the content of a tensor.

    Raises:
        UnknownContentError: it has no plain data.
    """
    digest = hashlib.sha256(describe_layout(tensor))
    digest.update(view_bytes(tensor))
    return digest.digest()


def describe_layout(tensor: Tensor) -> bytes:
    """Type, shape, strides and device of a tensor: what a result depends on beside the numbers."""
    strides = tensor.stride() if tensor.layout == torch.strided else ""
    return f"{tensor.dtype} {tuple(tensor.shape)} {strides} {tensor.device.type}".encode()


def view_bytes(tensor: Tensor) -> memoryview:
    """The numbers of a tensor as bytes, without a copy where they lie in one piece on the CPU.

    Raises:
        UnknownContentError: it has no plain data.
    """
    if type(tensor) not in _PLAIN or tensor.layout != torch.strided or tensor.is_meta:
        raise UnknownContentError(f"a {type(tensor).__name__} without plain data")
    if tensor.is_quantized or tensor.is_conj() or tensor.is_neg():
        raise UnknownContentError("a quantised or lazily conjugated tensor")
    plain = tensor.detach().cpu().contiguous()
    if not plain.numel():
        return memoryview(b"")
    flat: Any = plain.view(-1).view(torch.uint8).numpy()
    return memoryview(flat)


def find_checksum(content: memoryview) -> bytes:
    """A checksum of bytes that takes a tenth of the time of a hash.

    It consists of the sums of all rows and of all columns of the bytes, laid out as a table of 64
    bit words: moved, swapped or changed numbers change some of them. It is no defence against who
    means to deceive.
    """
    num_rows = len(content) // (_COLUMNS * 8)
    if not num_rows:
        return hashlib.sha256(content).digest()
    end = num_rows * _COLUMNS * 8
    # Words that begin anywhere are added up as fast, on all processors that matter.
    table = np.frombuffer(content, np.uint64, num_rows * _COLUMNS).reshape(num_rows, _COLUMNS)
    digest = hashlib.sha256(table.sum(axis=1, dtype=np.uint64).tobytes())
    digest.update(table.sum(axis=0, dtype=np.uint64).tobytes())
    digest.update(content[end:])
    return digest.digest()
