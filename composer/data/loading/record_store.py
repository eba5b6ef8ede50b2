"""Many records in one block of memory."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import torch

from composer.data.records import Record


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
