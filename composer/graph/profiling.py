"""Time, memory and shapes of every node of a run."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from composer.blueprint import Step
from composer.structures import iterate_tensors
from composer.values import describe, num_bytes


@dataclass(frozen=True)
class NodeProfile:
    """What one node cost.

    Args:
        path: its path.
        seconds: wall-clock time.
        output: description of its outputs.
        output_bytes: bytes of its outputs.
        peak_bytes: most bytes of tensors made during the node and alive at once, or None if
            memory was not watched.
    """

    path: str
    seconds: float
    output: str
    output_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True)
class Profile:
    """A profile of a run.

    Args:
        nodes: what each node cost, in order.
        result: what the run gave.
    """

    nodes: Sequence[NodeProfile]
    result: Any

    @property
    def seconds(self) -> float:
        """Time of all nodes together."""
        return sum(node.seconds for node in self.nodes)

    def __str__(self) -> str:
        width = max([4, *(len(node.path) for node in self.nodes)])
        lines = [f"{'node':<{width}}  {'time':>10}  {'output':>10}  {'peak':>10}  value"]
        for node in self.nodes:
            peak = "" if node.peak_bytes is None else format_bytes(node.peak_bytes)
            size = format_bytes(node.output_bytes)
            clock = format_seconds(node.seconds)
            lines.append(
                f"{node.path:<{width}}  {clock:>10}  {size:>10}  {peak:>10}  {node.output}"
            )
        lines.append(f"{'total':<{width}}  {format_seconds(self.seconds):>10}")
        return "\n".join(lines)


def format_seconds(seconds: float) -> str:
    """`744 ms`, `1.31 s`, `85 us`."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.0f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} us"


def format_bytes(count: int) -> str:
    """`3.4 MiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


class Profiler:
    """An observer that measures every node."""

    def __init__(self, memory: AllocationWatch | None = None) -> None:
        self.nodes: list[NodeProfile] = []
        self._memory = memory
        self._start = 0.0

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Starts the clock, once queued work of the device is done."""
        del step
        _synchronize(arguments)
        if self._memory is not None:
            self._memory.restart_peak()
        self._start = time.perf_counter()

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Stops the clock and takes the measures."""
        _synchronize(outputs)
        seconds = time.perf_counter() - self._start
        self.nodes.append(
            NodeProfile(
                path=step.node.path,
                seconds=seconds,
                output=_describe_ports(outputs),
                output_bytes=num_bytes(list(outputs.values())),
                peak_bytes=None if self._memory is None else self._memory.peak_since_restart,
            )
        )


@contextmanager
def profiling(*, memory: bool) -> Iterator[Profiler]:
    """Yields an observer that measures every node of a run.

    Args:
        memory: whether to watch the allocations of this thread, too.
    """
    watch = AllocationWatch() if memory else None
    with watch or nullcontext():
        yield Profiler(watch)


def _describe_ports(outputs: Mapping[str, Any]) -> str:
    """The only output, or each one with its port."""
    if len(outputs) == 1:
        return describe(next(iter(outputs.values())))
    return ", ".join(f"{port}: {describe(value)}" for port, value in outputs.items())


def _synchronize(values: Mapping[str, Any]) -> None:
    device = next((t.device for t in iterate_tensors(values)), None)
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)


class AllocationWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are made while it is entered, and their peak.

    Every storage that an operation gives is counted once, until it is freed. Memory that an
    operation takes and frees inside itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.current = self.peak = self._start = self._peak_since = 0
        self._storages: dict[int, int] = {}

    @property
    def peak_since_restart(self) -> int:
        """The peak above what was there at the last restart."""
        return self._peak_since - self._start

    def restart_peak(self) -> None:
        """Starts a new measurement."""
        self._start = self._peak_since = self.current

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in iterate_tensors([args, kwargs or {}]):
            self._count(tensor, made=False)
        result = func(*args, **(kwargs or {}))
        for tensor in iterate_tensors(result):
            self._count(tensor, made=True)
        return result

    def _count(self, tensor: torch.Tensor, *, made: bool) -> None:
        """Notes a storage once; one that was there before counts nothing."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages or storage.nbytes() == 0:
            return
        self._storages[key] = storage.nbytes() if made else 0
        self.current += self._storages[key]
        self.peak = max(self.peak, self.current)
        self._peak_since = max(self._peak_since, self.current)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.current -= self._storages.pop(key, 0)
