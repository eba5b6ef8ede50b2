"""The processes of a distributed training, and their collective operations."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from composer.errors import TrainingError
from composer.graph import find_device

_TIMEOUT = datetime.timedelta(minutes=60)  # an evaluation on the first process can take long


@dataclass(frozen=True)
class ProcessGroup:
    """This process of a distributed training.

    Args:
        device: its device.
        rank: its rank, from 0.
        size: number of processes.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which writes files and logs."""
        return self.rank == 0

    def any(self, value: bool) -> bool:
        """Whether a value is true in any process."""
        if self.size == 1:
            return value
        flag = torch.tensor(int(value), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def gather(self, value: Any) -> list[Any]:
        """Gathers a value of all processes, in order of ranks."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Averages numbers by name over the processes that have them."""
        found = self.gather(dict(values))
        names = dict.fromkeys(name for each in found for name in each)
        lists = {name: [each[name] for each in found if name in each] for name in names}
        return {name: sum(numbers) / len(numbers) for name, numbers in lists.items()}

    @torch.no_grad()
    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Broadcasts tensors from rank 0, in place.

        Args:
            tensors: the same in number, shapes and types in all processes.
        """
        if self.size == 1:
            return
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            by_type.setdefault(tensor.dtype, []).append(tensor)
        for group in by_type.values():  # one message each, not one for every tensor
            joined = torch.cat([tensor.reshape(-1) for tensor in group])
            dist.broadcast(joined, 0)
            parts = joined.split_with_sizes([tensor.numel() for tensor in group])
            for tensor, part in zip(group, parts, strict=True):
                tensor.copy_(part.view(tensor.shape))

    def wait(self) -> None:
        """Waits for all processes."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Joins the processes that `torchrun` started; a lone process is a group of its own.

    Args:
        device: device, as in torch.device; each of several processes on `cuda` has its own.

    Raises:
        InputError: there is no such device.
        TrainingError: the processes do not find each other.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup(_take_device(device))
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    found = _take_device(f"cuda:{local}" if device == "cuda" else device)
    backend = "nccl" if found.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"process {rank} of {size} does not find the others: {error}"
        ) from error
    try:
        yield ProcessGroup(found, rank, size)
    finally:
        dist.destroy_process_group()


def _take_device(name: str) -> torch.device:
    device = find_device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
