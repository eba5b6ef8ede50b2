"""The ways in which a model can be run: eager, optimised, or with an engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from composer.graph import Graph
from composer.model_variants import PRECISIONS, ModelVariant, Precision
from composer.processor import find_processor


@dataclass(frozen=True)
class Way:
    """A way of running a model.

    Args:
        precision: `float32`, `bfloat16` or `int8`.
        is_optimized: whether the graph is optimised; an engine gets what is left to it.
        engine: the name of an engine; empty for PyTorch.
    """

    precision: Precision = "float32"
    is_optimized: bool = True
    engine: str = ""

    @classmethod
    def of(cls, variant: ModelVariant) -> Way:
        """The way of a variant of a model."""
        return cls(variant.precision, not variant.is_eager, variant.engine)

    @property
    def name(self) -> str:
        """`eager`, `optimized bfloat16`, `openvino int8`."""
        if not self.is_optimized:
            return "eager"
        return f"{self.engine or 'optimized'} {self.precision}"

    def apply(self, graph: Graph, calibrate: Iterable[Any] | None = None) -> Graph:
        """A graph that runs in this way; the given one stays as it is.

        Args:
            graph: the graph, in inference mode.
            calibrate: inputs that are typical, for `int8`.

        Raises:
            ComposerError: it cannot run in this way here; the message says why.
        """
        if not self.is_optimized:
            return graph
        if not self.engine:
            return graph.optimize(self.precision)
        # What the engine does not take is optimised, too.
        rest = "float32" if self.precision == "int8" else self.precision
        typical = calibrate if self.precision == "int8" else None
        optimized = graph.optimize(rest)
        return optimized.accelerate(self.engine, precision=self.precision, calibrate=typical)


EAGER = Way(is_optimized=False)


def cut_graph(graph: Graph, until: Sequence[str]) -> Graph:
    """The part of a graph that computes some values, so that an engine gets no nodes beyond it.

    An engine's set of nodes runs only where all of it is needed. Taps are not cut off: they have
    PyTorch run their nodes in any case.

    Args:
        graph: the graph.
        until: names of nodes and ports, and taps; the whole graph if there are none.
    """
    names = list(until)
    if not names or any(target.tap for target in graph.plan(names, mode="inference").targets):
        return graph
    return graph.subgraph(until=names).eval()


def choose_ways(engines: Sequence[str] = (), precisions: Sequence[Precision] = ()) -> list[Way]:
    """The ways to compare, the eager one first.

    Args:
        engines: names of engines; none by default.
        precisions: by default float32, and bfloat16 where the processor multiplies it itself.
    """
    if not precisions:
        precisions = PRECISIONS[: 2 if find_processor().has_bfloat16 else 1]
    chosen = [Way(each) for each in precisions if each != "int8" or not engines]
    chosen += [Way(each, engine=engine) for engine in engines for each in precisions]
    return list(dict.fromkeys([EAGER, *chosen]))
