"""Runs a graph and shows nodes as they finish: in a table, or a progress bar beside JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import click
import torch
from tqdm import tqdm

from composer.blueprint import Blueprint, Node, Plan
from composer.cli.output import terminal_width
from composer.graph import Graph, Profile, format_seconds
from composer.node import SINGLE_OUTPUT
from composer.structures import iterate_tensors
from composer.values import describe, move

_OUTPUTS = "outputs"  # name of the result of a whole run
_TIME_WIDTH, _MIN_OUTPUT_WIDTH, _MAX_OUTPUT_WIDTH = 8, 24, 46


@dataclass(frozen=True)
class NodeRun:
    """A node that ran.

    Args:
        path: its path.
        outputs: descriptions of its outputs by port.
        seconds: wall-clock time.
    """

    path: str
    outputs: Mapping[str, str]
    seconds: float


class Outcome(NamedTuple):
    """The outcome of a run.

    Attributes:
        results: values by the full names of the targets; `outputs` of a whole run.
        nodes: the nodes that ran.
        profile: measures of memory, if they were asked for.
        ports: of targets that are whole nodes with several outputs, all of those by port.
    """

    results: Mapping[str, Any]
    nodes: Sequence[NodeRun]
    profile: Profile | None
    ports: Mapping[str, Mapping[str, Any]]


def run_shown(
    graph: Graph,
    plan: Plan,
    inputs: Mapping[str, Any],
    feeds: Mapping[str, Any],
    *,
    device: torch.device,
    seed: int,
    profile: bool,
    as_json: bool,
) -> Outcome:
    """Runs a plan and shows each node as it finishes.

    Args:
        graph: the graph.
        plan: what to run.
        inputs: values of the graph's inputs by name.
        feeds: values of nodes or ports by name.
        device: where inputs and feeds go.
        seed: the seed of the run.
        profile: whether to measure memory.
        as_json: whether the standard output is for a JSON document.
    """
    given: Any = move(dict(inputs), device) or None
    if len(graph.blueprint.inputs[plan.mode]) == 1:  # a single input is passed by itself
        given = next(iter(given.values()), None) if given else None
    display = Bar(plan.paths) if as_json or profile else Table(plan.paths, terminal_width())
    watch, whole = Stopwatch(display), _list_whole_nodes(plan)
    asked = _ask_all_ports(graph.blueprint, plan, whole)
    options: dict[str, Any] = {"until": asked, "feeds": move(dict(feeds), device), "seed": seed}
    measured = None
    with _watched(graph, watch), torch.set_grad_enabled(plan.mode == "training"):
        if profile:
            measured = graph.profile(given, **options)
        found = graph.run(given, **options) if measured is None else measured.result
    results = {_OUTPUTS: found} if plan.is_whole else {t.name: found[t.name] for t in plan.targets}
    ports = {
        path: {port: found[f"{path}.{port}"] for port in node.outputs}
        for path, node in whole.items()
    }
    return Outcome(results, watch.nodes, measured, ports)


def _list_whole_nodes(plan: Plan) -> dict[str, Node]:
    """Targets that are nodes with several outputs, none of them fed, by path."""
    asked = set() if plan.is_whole else {target.name for target in plan.targets}
    nodes = [step.node for step in plan.steps if step.node.path in asked]
    return {
        node.path: node
        for node in nodes
        if len(node.slots) > 1 and not {*node.slots} & {*plan.feeds}
    }


def _ask_all_ports(blueprint: Blueprint, plan: Plan, whole: Mapping[str, Node]) -> Plan:
    """The same plan with all ports of some nodes as targets, so that a cache keeps them."""
    if not whole:
        return plan
    ports = [f"{path}.{port}" for path, node in whole.items() for port in node.outputs]
    names = dict.fromkeys([*(target.name for target in plan.targets), *ports])
    return replace(blueprint.plan(plan.mode, [*names], plan.feeds), edits=plan.edits)


@contextmanager
def _watched(graph: Graph, watch: Stopwatch) -> Iterator[None]:
    with ExitStack() as hooks:
        hooks.enter_context(graph.add_hook(watch.start, "before", as_one=True))
        hooks.enter_context(graph.add_hook(watch.stop, "after", as_one=True))
        try:
            yield
        finally:
            watch.display.close()


class Display(Protocol):
    """Shows nodes as they finish."""

    def show(self, node: NodeRun) -> None:
        """Called after each node."""

    def close(self) -> None:
        """Called after the last one."""


class Stopwatch:
    """Two hooks that time every node and show it.

    Args:
        display: where nodes are shown.
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.nodes: list[NodeRun] = []
        self._start = 0.0

    def start(self, _path: str, inputs: Mapping[str, Any]) -> None:
        """The hook before a node."""
        _wait_for_device(inputs)
        self._start = time.perf_counter()

    def stop(self, path: str, outputs: Mapping[str, Any]) -> None:
        """The hook after a node."""
        _wait_for_device(outputs)
        seconds = time.perf_counter() - self._start
        described = {port: describe(value) for port, value in outputs.items()}
        self.nodes.append(NodeRun(path, described, seconds))
        self.display.show(self.nodes[-1])


class Table:
    """Prints a row for each node, or one for each output of a node that has several.

    Args:
        paths: the nodes that will run.
        width: columns of the terminal.
    """

    def __init__(self, paths: Sequence[str], width: int) -> None:
        self.node_width = max([len(path) for path in paths], default=4)
        room = width - self.node_width - _TIME_WIDTH - 6
        self.output_width = min(max(room, _MIN_OUTPUT_WIDTH), _MAX_OUTPUT_WIDTH)
        self._row("node", "output", "time")

    def show(self, node: NodeRun) -> None:
        """Prints the outputs and the time of a node."""
        clock, path = format_seconds(node.seconds), node.path
        for output in _describe_outputs(node.outputs):
            self._row(path, output, clock)
            path = clock = ""

    def close(self) -> None:
        """Nothing is left to do."""

    def _row(self, node: str, output: str, clock: str) -> None:
        shown = (
            output if len(output) <= self.output_width else output[: self.output_width - 1] + "…"
        )
        line = f"  {node:<{self.node_width}}  {shown:<{self.output_width}}  {clock:>{_TIME_WIDTH}}"
        click.echo(line.rstrip())


class Bar:
    """Shows progress on the standard error, if that is a terminal.

    Args:
        paths: the nodes that will run.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        quiet = not sys.stderr.isatty()
        self._bar = tqdm(total=len(paths), unit="node", leave=False, disable=quiet)

    def show(self, node: NodeRun) -> None:
        """Counts a node."""
        self._bar.set_postfix_str(node.path, refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()


def _describe_outputs(outputs: Mapping[str, str]) -> Iterator[str]:
    """A line for each output; a single one without a name is described by itself."""
    if outputs.keys() == {SINGLE_OUTPUT}:
        yield outputs[SINGLE_OUTPUT]
        return
    width = max(len(port) for port in outputs)
    for port, description in outputs.items():
        yield f"{port:<{width}}  {description}"


def _wait_for_device(values: Mapping[str, Any]) -> None:
    """Waits for work that is queued on a GPU, so that its time is counted."""
    tensor = next(iterate_tensors(dict(values)), None)
    if tensor is not None and tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
