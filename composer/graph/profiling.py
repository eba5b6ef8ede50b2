"""Time, memory and shapes of every node of a run."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from composer.blueprint import Step
from composer.graph.observers import Observers
from composer.html_parts import make_heading, make_table
from composer.plurals import count_noun
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
        peak_bytes: most bytes of tensors made during the node and alive at once, from a pass of its
            own, or None if memory was not watched.
    """

    path: str
    seconds: float
    output: str
    output_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        slowest = max(self.nodes, key=lambda node: node.seconds, default=None)
        most = f"; most {slowest.path}, {format_seconds(slowest.seconds)}" if slowest else ""
        count = count_noun(len(self.nodes), "node")
        return f"Profile({count}, {format_seconds(self.seconds)}{most})"

    def _repr_html_(self) -> str:
        """The nodes and their times as a table, in notebooks."""
        whole = self.seconds or 1.0
        rows = [
            (
                node.path,
                format_seconds(node.seconds),
                f"{node.seconds / whole:.0%}",
                format_bytes(node.output_bytes),
                "" if node.peak_bytes is None else format_bytes(node.peak_bytes),
                node.output,
            )
            for node in self.nodes
        ]
        header = ("node", "time", "share", "output", "peak", "value")
        return make_heading(repr(self)) + make_table(header, rows)

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


class _Clock:
    """An observer that measures the time of every node."""

    def __init__(self, peaks: Mapping[str, int]) -> None:
        self.nodes: list[NodeProfile] = []
        self._peaks = peaks
        self._start = 0.0

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Starts the clock, once queued work of the device is done."""
        del step
        _synchronize(arguments)
        self._start = time.perf_counter()

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Stops the clock and describes the outputs."""
        _synchronize(outputs)
        seconds = time.perf_counter() - self._start
        self.nodes.append(
            NodeProfile(
                path=step.node.path,
                seconds=seconds,
                output=_describe_ports(outputs),
                output_bytes=num_bytes(list(outputs.values())),
                peak_bytes=self._peaks.get(step.node.path),
            )
        )


class _PeakWatch:
    """An observer that measures the memory of every node."""

    def __init__(self, memory: AllocationWatch) -> None:
        self.peaks: dict[str, int] = {}
        self._memory = memory

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Starts a new measurement."""
        del step, arguments
        self._memory.restart_peak()

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Takes the measure."""
        del outputs
        self.peaks[step.node.path] = self._memory.peak_since_restart


def profile_run(
    run: Callable[..., Any], module: nn.Module, observers: Observers, *, memory: bool
) -> Profile:
    """Measures every node of a run: memory in a first pass, time in a second one.

    Watching memory costs some microseconds an operation, which would count as time of nodes that
    make many small ones. Both passes have the same random numbers and the same statistics of
    normalizations, and leave the state behind that one run would.

    Args:
        run: runs, with further `observers`.
        module: the module whose buffers a run in training mode changes.
        observers: those of the graph, which see the second pass only.
        memory: whether there is a first pass.
    """
    peaks: dict[str, int] = {}
    if memory:
        with observers.silenced(), torch.random.fork_rng(), _kept_buffers(module):
            with AllocationWatch() as watch:
                first = _PeakWatch(watch)
                run(observers=(first,))
            peaks = first.peaks
    clock = _Clock(peaks)
    result = run(observers=(clock,))
    return Profile(tuple(clock.nodes), result)


def measure_peak(run: Callable[[], object]) -> int:
    """Most bytes of tensors that a run makes and that are alive at once."""
    with AllocationWatch() as watch:
        run()
    return watch.peak


@contextmanager
def _kept_buffers(module: nn.Module) -> Iterator[None]:
    """Gives buffers, which a run in training mode changes, their values back."""
    kept = [(each, each.clone()) for each in module.buffers()] if module.training else []
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)


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
        try:
            storage = tensor.untyped_storage()
        except NotImplementedError:  # weights that oneDNN has packed
            return
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
