"""The run of `composer diff`: opens two models in their variants, and reads the input of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from composer.benchmarking import Way, cut_graph
from composer.blueprint import Plan
from composer.cli.inference_options import read_batches
from composer.cli.run_inputs import assign_files, read_input_files
from composer.comparison import (
    ComparedModels,
    Comparison,
    Pairing,
    compare_graphs,
    pair_nodes,
    translate_names,
)
from composer.errors import InputError
from composer.graph import Graph, device_of, find_device
from composer.model_variants import ModelVariant
from composer.values import move


@dataclass(frozen=True)
class DiffRun:
    """Two models that are compared on an input.

    Args:
        models: the models.
        variants: how they run.
        inputs: files, some as `NAME=FILE`.
        until: what is compared; everything if nothing is named.
        calibrate: a folder of images for int8; the input if None.
        device: where both run.
        seed: of weights and stochastic nodes.
    """

    models: ComparedModels
    variants: tuple[ModelVariant, ModelVariant]
    inputs: Sequence[str]
    until: Sequence[str]
    calibrate: str | None
    device: str
    seed: int

    def compare(self, tolerance: float | None) -> Comparison:
        """Opens and runs both.

        Args:
            tolerance: as for `compare_graphs`.

        Raises:
            ComposerError: a model cannot be opened or run, or an image cannot be read.
        """
        place = find_device(self.device)
        opened = self.models.open_graphs(self.seed)
        one, other = (graph.to(place).eval() for graph in opened)
        pairing = pair_nodes(one.blueprint, other.blueprint)
        names = list(self.until) or None
        theirs = translate_names(names, one.blueprint, other.blueprint, pairing)
        if any(variant.engine for variant in self.variants):
            part = cut_graph(one, names or ())
            one, other = part, part if other is one else cut_graph(other, theirs or ())
        plans = one.plan(names, mode="inference"), other.plan(theirs, mode="inference")
        files = self._find_files(one, plans[0])
        values = _read(files, one, plans[0])
        their_values = values
        if _reads_otherwise(one, other, pairing):
            their_files = {pairing.inputs.get(name, name): files[name] for name in files}
            their_values = _read(their_files, other, plans[1])
        return compare_graphs(
            self._apply(self.variants[0], one, values),
            self._apply(self.variants[1], other, their_values),
            values,
            other_inputs=their_values,
            until=names,
            tolerance=tolerance,
            seed=self.seed,
            names=self.models.names,
            notes=(*self.models.notes, *self._describe(files)),
        )

    def _find_files(self, graph: Graph, plan: Plan) -> dict[str, list[str]]:
        return assign_files(self.inputs, graph.blueprint, plan)

    def _describe(self, files: Mapping[str, Sequence[str]]) -> list[str]:
        if self.inputs:
            return []
        return [f"no --input: run on the example {Path(paths[0]).name}" for paths in files.values()]

    def _apply(self, variant: ModelVariant, graph: Graph, values: Any) -> Graph:
        batches = None
        if variant.precision == "int8":
            batches = [values]
            if self.calibrate is not None:
                batches = read_batches(graph, self.calibrate)
            else:
                click.echo("int8 is calibrated on the input: no --calibrate", err=True)
        return Way.of(variant).apply(graph, batches)


def _reads_otherwise(one: Graph, other: Graph, pairing: Pairing) -> bool:
    """Whether image files become other values for the second model."""
    ours, theirs = one.spec.graph.inputs, other.spec.graph.inputs
    paired = [(name, name_) for name, name_ in pairing.inputs.items() if name in ours]
    is_equal = all(name_ in theirs and ours[n].image == theirs[name_].image for n, name_ in paired)
    has_equal_names = all(name == name_ for name, name_ in paired)
    return not (is_equal and has_equal_names and ours.keys() == theirs.keys())


def _read(files: Mapping[str, Sequence[str]], graph: Graph, plan: Plan) -> Any:
    """The input of a graph, or its inputs by name where there are several.

    Raises:
        InputError: a file cannot be read.
    """
    given, left_out = read_input_files(files, graph.blueprint, plan)
    if left_out:
        raise InputError("\n".join(map(str, left_out)))
    values = move(dict(given), device_of(graph))
    if len(graph.blueprint.inputs["inference"]) == 1:
        return next(iter(values.values()), None)
    return values or None
