"""Measures ways of running a model in turns, and compares what they return."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from composer.benchmarking.differences import Difference, compare_values
from composer.benchmarking.ways import EAGER, Way
from composer.errors import ComposerError
from composer.graph import Graph, NodeProfile, Profile, measure_peak
from composer.processor import Processor, find_processor

Evaluate = Callable[[Graph], Mapping[str, float]]


@dataclass(frozen=True)
class NodeMeasures:
    """What one node cost in one way.

    Args:
        profile: its time and memory.
        difference: the largest error of its outputs, relative to the maximum; None where it is not
            known, such as in a way with an engine.
    """

    profile: NodeProfile
    difference: float | None


@dataclass(frozen=True)
class WayMeasures:
    """What one way cost.

    Args:
        way: the way.
        applied: what was applied, in one line.
        reason: why it cannot run here; empty if it can.
        first_seconds: time of the first run, in which engines compile.
        seconds: times of all rounds.
        peak_bytes: most bytes of tensors alive at once; what an engine reserves is not seen.
        differences: by output; none of the eager way.
        metrics: by task and name, where a dataset was given.
        nodes: by node, if they were asked for.
    """

    way: Way
    applied: str = ""
    reason: str = ""
    first_seconds: float = 0.0
    seconds: Sequence[float] = ()
    peak_bytes: int | None = None
    differences: Sequence[Difference] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    nodes: Sequence[NodeMeasures] = ()

    @property
    def best(self) -> float:
        """The time of the fastest round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Benchmark:
    """A comparison of ways.

    Args:
        model: name of the model.
        ways: the measures of each way, the eager one first.
        processor: the processor.
        num_threads: threads of PyTorch.
    """

    model: str
    ways: Sequence[WayMeasures]
    processor: Processor
    num_threads: int

    def speedup(self, measures: WayMeasures) -> float:
        """How many times faster than eager a way is, by the fastest rounds."""
        return self.ways[0].best / measures.best


@dataclass
class _Runner:
    """One way while it is measured."""

    way: Way
    graph: Graph
    first_seconds: float
    result: Any
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Request:
    """What every way runs."""

    inputs: Any
    until: Any
    seed: int

    def run(self, graph: Graph) -> Any:
        """Runs a graph."""
        with torch.no_grad():
            return graph.run(self.inputs, until=self.until, mode="inference", seed=self.seed)

    def profile(self, graph: Graph) -> Profile:
        """Measures the nodes of a graph."""
        options = {"until": self.until, "mode": "inference", "seed": self.seed}
        with torch.no_grad():
            return graph.profile(self.inputs, **options)

    def capture(self, graph: Graph) -> dict[str, Mapping[str, Any]]:
        """The outputs of every node of a run, by path and port."""
        seen: dict[str, Mapping[str, Any]] = {}
        with graph.add_hook(lambda path, outputs: seen.update({path: dict(outputs)}), "after"):
            self.run(graph)
        return seen


def benchmark(
    graph: Graph,
    ways: Sequence[Way],
    inputs: Any,
    *,
    until: Any = None,
    rounds: int = 5,
    seed: int = 0,
    calibrate: Iterable[Any] | None = None,
    nodes: bool = False,
    evaluate: Evaluate | None = None,
    on_step: Callable[[str], object] = lambda _: None,
) -> Benchmark:
    """Measures ways in turns: each round runs every way once, so that all see the same machine.

    Args:
        graph: the model, which is put into inference mode.
        ways: the ways; the eager one is always measured, as the first.
        inputs: the graph's input, as for `Graph.run`.
        until: what is run, as for `Graph.run`; by default all.
        rounds: how often each way is run, after a first run and one more to warm up.
        seed: the seed of all runs.
        calibrate: typical inputs for `int8`.
        nodes: whether nodes are measured one by one, too.
        evaluate: gives the metrics of a way.
        on_step: called with a text before each step, for progress.
    """
    graph.eval()
    request = _Request(inputs, until, seed)
    ordered = list(dict.fromkeys([EAGER, *ways]))
    typical = None if calibrate is None else list(calibrate)
    measured: dict[Way, WayMeasures] = {}
    runners: list[_Runner] = []
    for way in ordered:
        on_step(f"{way.name}: first run")
        try:
            runners.append(_start(way, graph, request, typical))
        except ComposerError as error:
            if way == EAGER:
                raise
            measured[way] = WayMeasures(way, reason=str(error))
    for turn in range(rounds):
        for runner in runners:
            on_step(f"{runner.way.name}: round {turn + 1} of {rounds}")
            runner.seconds.append(_time(partial(request.run, runner.graph))[0])
    captured = request.capture(graph) if nodes else None
    for runner in runners:
        on_step(f"{runner.way.name}: memory and differences")
        found = _measure(runner, runners[0], request, captured)
        metrics = {} if evaluate is None else evaluate(runner.graph)
        measured[runner.way] = replace(found, metrics=metrics)
    in_order = [measured[way] for way in ordered]
    return Benchmark(graph.spec.name, in_order, find_processor(), torch.get_num_threads())


def _start(way: Way, graph: Graph, request: _Request, calibrate: Sequence[Any] | None) -> _Runner:
    """Runs a way twice: first runs compile, and fill caches."""
    applied = way.apply(graph, calibrate)
    seconds, result = _time(partial(request.run, applied))
    request.run(applied)
    return _Runner(way, applied, seconds, result)


def _measure(
    runner: _Runner,
    eager: _Runner,
    request: _Request,
    captured: Mapping[str, Mapping[str, Any]] | None,
) -> WayMeasures:
    """Memory and differences of a way whose times were measured.

    Args:
        runner: the way.
        eager: the eager one.
        request: what runs.
        captured: outputs of the eager graph's nodes; None if nodes are not measured.
    """
    name = request.until if isinstance(request.until, str) else "output"
    is_eager = runner is eager
    return WayMeasures(
        runner.way,
        applied=runner.graph.optimization,
        first_seconds=runner.first_seconds,
        seconds=tuple(runner.seconds),
        peak_bytes=measure_peak(partial(request.run, runner.graph)),
        differences=() if is_eager else compare_values(eager.result, runner.result, name=name),
        nodes=() if captured is None else _measure_nodes(runner, request, captured),
    )


def _time(action: Callable[[], Any]) -> tuple[float, Any]:
    _wait_for_device()
    start = time.perf_counter()
    found = action()
    _wait_for_device()
    return time.perf_counter() - start, found


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _measure_nodes(
    runner: _Runner, request: _Request, expected: Mapping[str, Mapping[str, Any]]
) -> list[NodeMeasures]:
    """Time, memory and error of each node; nodes within an engine's set are not looked into."""
    # A hook would have PyTorch compute the values inside of an engine's set.
    is_known = runner.way != EAGER and not runner.way.engine
    found = request.capture(runner.graph) if is_known else {}
    return [
        NodeMeasures(node, _find_error(expected.get(node.path), found.get(node.path)))
        for node in request.profile(runner.graph).nodes
    ]


def _find_error(
    expected: Mapping[str, Any] | None, found: Mapping[str, Any] | None
) -> float | None:
    if expected is None or found is None:
        return None
    errors = [each.relative for each in compare_values(expected, found)]
    known = [each for each in errors if each is not None]
    return max(known) if known and len(known) == len(errors) else None
