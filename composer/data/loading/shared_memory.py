"""Batches and records, each as one block of memory that processes share.

Each tensor that goes from a worker to the main process by itself costs a file descriptor and a
conversation between the two: half a millisecond while the model waits. A batch has dozens.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from composer.data.records import Record

_ALIGNMENT = 64  # bytes; what vector instructions like best
_SMALL = 4096  # bytes; less travels with the rest of the value


class Parcel(NamedTuple):
    """A value, packed.

    Args:
        content: the value without its large tensors and arrays.
        block: their bytes, in shared memory.
        spans: the first byte and the number of bytes of each.
    """

    content: bytes
    block: Tensor
    spans: list[tuple[int, int]]

    def unpack(self) -> Any:
        """The value. Its large tensors and arrays live in the block, without a copy."""
        memory = self.block.numpy().data
        buffers = [memory[start : start + size] for start, size in self.spans]
        return pickle.loads(self.content, buffers=buffers)  # noqa: S301 - packed by `pack` below


def pack(value: Any) -> Parcel:
    """Packs a value.

    Args:
        value: anything that can be pickled; its tensors are on the CPU.
    """
    buffers: list[memoryview] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        """Keeps a large buffer aside; returns whether a small one stays."""
        raw = buffer.raw()
        if raw.nbytes < _SMALL:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    _TensorPickler(stream, protocol=5, buffer_callback=take).dump(value)
    spans, end = [], 0
    for buffer in buffers:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        end = start + buffer.nbytes
        spans.append((start, buffer.nbytes))
    block = torch.empty(end, dtype=torch.uint8)
    block.share_memory_()  # type: ignore[no-untyped-call]
    memory = block.numpy().data
    for (start, size), buffer in zip(spans, buffers, strict=True):
        memory[start : start + size] = buffer
    return Parcel(stream.getvalue(), block, spans)


class _TensorPickler(pickle.Pickler):
    """Gives tensors as buffers, as numpy does its arrays."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not Tensor or value.device.type != "cpu" or value.is_sparse:
            return NotImplemented
        raw = value.detach().contiguous().flatten().view(torch.uint8).numpy()
        return _make_tensor, (pickle.PickleBuffer(raw.data), value.dtype, tuple(value.shape))


def _make_tensor(buffer: Any, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    if memoryview(buffer).nbytes == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(buffer, dtype=dtype).view(shape)


class RecordStore:
    """Records, packed, so that worker processes share them.

    Python's objects count their references, so a worker that only looks at a list of records
    copies all of it, page by page. Bytes in a tensor are never copied: neither when processes
    fork nor when they are spawned.

    Args:
        records: the records.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        packed = [pickle.dumps(record, protocol=pickle.HIGHEST_PROTOCOL) for record in records]
        self._ends = torch.from_numpy(np.cumsum([len(each) for each in packed], dtype=np.int64))
        self._bytes = torch.from_numpy(np.frombuffer(bytearray(b"".join(packed)), dtype=np.uint8))

    def __len__(self) -> int:
        """The number of records."""
        return len(self._ends)

    def __getitem__(self, index: int) -> Record:
        """Unpacks one record."""
        start = int(self._ends[index - 1]) if index else 0
        packed = self._bytes[start : int(self._ends[index])].numpy()
        record: Record = pickle.loads(packed.tobytes())  # noqa: S301 - packed by this very class
        return record
