"""Processor time of specs of 10 to 10,000 nodes, and of as many mistakes."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import yaml
from torch import Tensor, nn

from benchmarks.measuring import find_power
from composer import Graph
from composer.construction import check_source
from composer.errors import SpecError

SIZES = (10, 100, 1000, 3000, 10_000)
_MANY = 1000  # from which on the power is fitted: below, fixed costs count
HEAD = "composer: 1\ninputs: {x: any}\n"


class Weighted(nn.Module):
    """Gives back what it gets; it has a weight."""

    def __init__(self, *, size: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """The same tensor."""
        return x


def first(x: list[Tensor]) -> Tensor:
    """The first of several tensors."""
    return x[0]


NODES = {"weighted": Weighted, "first": first}


def chain(size: int) -> str:
    """Nodes one after the other."""
    lines = [
        f"  n{i}: {{uses: weighted, inputs: {{x: {f'n{i - 1}' if i else 'x'}}}}}"
        for i in range(size - 1)
    ]
    last = f"  last: {{uses: weighted, inputs: {{x: n{size - 2}}}}}"
    return HEAD + "\n".join(["nodes:", *lines, last, "outputs: {y: last}\n"])


def fan(size: int) -> str:
    """Nodes beside one another, and one that takes them all."""
    names = [f"n{i}" for i in range(size - 1)]
    lines = [f"  {name}: {{uses: weighted, inputs: {{x: x}}}}" for name in names]
    last = f"  last: {{uses: first, inputs: {{x: [{', '.join(names)}]}}}}"
    return HEAD + "\n".join(["nodes:", *lines, last, "outputs: {y: last}\n"])


def nested(size: int) -> str:
    """Graphs of fifty nodes, one after the other."""
    lines = ["nodes:"]
    for group in range(max(size // 50, 1)):
        source = f"g{group - 1}" if group else "x"
        lines += [f"  g{group}:", f"    inputs: {{x: {source}}}", "    outputs: {y: n49}"]
        lines.append("    nodes:")
        for i in range(50):
            before = f"n{i - 1}" if i else "x"
            lines.append(f"      n{i}: {{uses: weighted, inputs: {{x: {before}}}}}")
    lines.append(f"  last: {{uses: weighted, inputs: {{x: g{max(size // 50, 1) - 1}}}}}")
    return HEAD + "\n".join([*lines, "outputs: {y: last}\n"])


def wrong_wires(size: int) -> str:
    """Nodes whose wires lead nowhere."""
    lines = [f"  n{i}: {{uses: weighted, inputs: {{x: m{i}}}}}" for i in range(size)]
    return HEAD + "\n".join(["nodes:", *lines])


def unknown_params(size: int) -> str:
    """Params, and uses of others."""
    params = {f"p{i}": i for i in range(size)}
    used = {f"n{i}": {"uses": "weighted", "with": {"size": f"${{q{i}}}"}} for i in range(size)}
    return HEAD + yaml.safe_dump({"params": params, "nodes": used})


def wrong_kinds(size: int) -> str:
    """Nodes that are numbers, and ones with unknown keys."""
    lines = [
        f"  n{i}: {i}" if i % 2 else f"  n{i}: {{uses: weighted, inptus: {{x: x}}}}"
        for i in range(size)
    ]
    return HEAD + "\n".join(["nodes:", *lines])


def ring(size: int) -> str:
    """Nodes that need each other in one ring."""
    lines = [f"  n{i}: {{uses: weighted, inputs: {{x: n{(i + 1) % size}}}}}" for i in range(size)]
    return HEAD + "\n".join(["nodes:", *lines])


def settings(size: int) -> str:
    """A chain with a setting for each node."""
    lines = [f"  n{i}.size: 2" for i in range(size - 1)]
    return chain(size) + "\n".join(["set:", *lines])


def run() -> Iterator[tuple[str, str, str]]:
    """Seconds of the processor for each step, by number of nodes."""
    torch.set_num_threads(1)
    check_source(yaml.safe_load(chain(10)), nodes=NODES)  # contracts are read once
    with TemporaryDirectory() as folder:
        for shape in (chain, fan, nested):
            found = [measure(shape(size), Path(folder)) for size in SIZES]
            for step in found[0]:
                yield _row(f"{shape.__name__}: {step}", [each[step] for each in found])
        for mistake in (wrong_wires, unknown_params, wrong_kinds, ring, settings):
            times = [_time_check(mistake(size), Path(folder)) for size in SIZES]
            yield _row(mistake.__name__.replace("_", " "), times)


def _row(name: str, times: list[float]) -> tuple[str, str, str]:
    shown = ", ".join(f"{seconds:.3f}" for seconds in times)
    many = [(size, seconds) for size, seconds in zip(SIZES, times, strict=True) if size >= _MANY]
    power = find_power(*zip(*many, strict=True))
    return (
        name,
        f"{times[-1]:.2f} s, power {power:.2f}",
        f"{shown} s for {', '.join(f'{s:,}' for s in SIZES)}",
    )


def measure(text: str, folder: Path) -> dict[str, float]:
    """Processor time of each step of a spec: check, build, plan, run, ..."""
    file, weights, x = folder / "spec.yaml", folder / "w.safetensors", torch.zeros(1)
    file.write_text(text)
    times: dict[str, float] = {}

    def timed(step: str, action: Callable[[], object]) -> object:
        start = time.process_time()
        found = action()
        times[step] = time.process_time() - start
        return found

    timed("check", lambda: check_source(file, nodes=NODES))
    blueprint = check_source(file, nodes=NODES)
    graph = Graph.from_blueprint(blueprint)
    timed("build", lambda: Graph.from_blueprint(blueprint))
    with torch.no_grad():
        timed("plan", lambda: blueprint.plan("inference", "last"))
        timed("run", lambda: graph(x))
        session = graph.session(x)
        timed("first value", lambda: session["last"])
        name = graph.nodes()[len(graph.nodes()) // 2]
        session[name] = x
        timed("value after an override", lambda: session["last"])
    timed("save", lambda: graph.save(weights))
    timed("load", lambda: graph.load(str(weights)))
    return times


def _time_check(text: str, folder: Path) -> float:
    file = folder / "spec.yaml"
    file.write_text(text)
    start = time.process_time()
    with suppress(SpecError):
        check_source(file, nodes=NODES)
    return time.process_time() - start
