"""The ways of section "Measured" of the guide on speed: PyTorch's, and those of each engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from composer import Graph
from composer.acceleration import list_engines
from composer.benchmarking import Precision, Way
from composer.errors import ComposerError
from composer.processor import find_processor
from composer.structures import Instances


class Runner(NamedTuple):
    """Something that finds instances.

    Args:
        name: its name.
        run: gives the instances of the one image of a batch.
        graph: the graph, if it is one.
    """

    name: str
    run: Callable[[Any], Instances]
    graph: Graph | None = None


def list_ways(graph: Graph, batch: Any, chosen: Sequence[str]) -> list[Runner]:
    """The graph as it is, and in all forms that this machine has.

    Args:
        graph: the graph.
        batch: what int8 is calibrated on.
        chosen: texts, one of which a way's name has; none for all.
    """
    runners = [run_graph("as it is", graph)]
    for name, make in _list_makers(graph, batch).items():
        if chosen and not any(text in name for text in chosen):
            continue
        try:
            runners.append(run_graph(name, make()))
        except ComposerError as error:
            print(f"{name}: not measured, {error}")
    return runners


def run_graph(name: str, graph: Graph) -> Runner:
    """A graph as something that finds instances."""
    return Runner(name, lambda batch: graph(batch)[0]["instances"], graph)


def _list_makers(graph: Graph, batch: Any) -> Mapping[str, Callable[[], Graph]]:
    has_bfloat16 = find_processor().has_bfloat16
    precisions: tuple[Precision, ...] = ("float32", "bfloat16") if has_bfloat16 else ("float32",)
    makers: dict[str, Callable[[], Graph]] = {}
    for precision in precisions:
        makers[f"PyTorch {precision}"] = partial(_optimize_without_kernel, graph, precision)
        makers[f"PyTorch {precision}, pooler's extra"] = partial(graph.optimize, precision)
    for engine in list_engines():
        for precision in (*precisions, "int8"):
            way = Way(precision, engine=engine)
            makers[way.name] = partial(way.apply, graph, [batch])
    return makers


def _optimize_without_kernel(graph: Graph, precision: Precision) -> Graph:
    """An optimised graph that pools as without the extra numba."""
    made = graph.optimize(precision)
    optimized = made._execution.optimized
    assert optimized is not None
    for path, node in optimized.nodes.items():
        if path.endswith("pooler"):
            node.optimization = replace(node.optimization, fold=_pool_as_sums)
    return made


def _pool_as_sums(module: Any) -> Any:
    module.way = "sums"
    return module
