"""Opens two models by their names to compare them; one may be a file of weights of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from composer.comparison.checkpoints import compare_checkpoints
from composer.comparison.comparison import (
    Comparison,
    compare_static,
    find_scope,
    translate_names,
)
from composer.comparison.pairing import pair_nodes
from composer.documents import SettingsSource
from composer.errors import InputError
from composer.graph import (
    Graph,
    LoadOptions,
    OpenedModel,
    describes_graph,
    open_model,
    read_weights,
)
from composer.model_source import find_model_source


@dataclass(frozen=True)
class ComparedModel:
    """A model as it is named, with weights and settings of its own.

    Args:
        name: its name, as `Graph.open` takes it.
        weights: checkpoints by node, the empty name for the whole model; none for its own.
        settings: values by address.
    """

    name: str
    weights: Mapping[str, str] = field(default_factory=dict)
    settings: SettingsSource = ()


@dataclass(frozen=True)
class ComparedModels:
    """Two models that can be opened.

    Args:
        one: the first.
        other: the second.
        options: of loads.
        names: what they are called.
        notes: remarks on what the names mean.
        are_bare: whether both are files of weights that do not say which model they belong to.
    """

    one: ComparedModel
    other: ComparedModel
    options: Mapping[str, Any]
    names: tuple[str, str]
    notes: tuple[str, ...] = ()
    are_bare: bool = False

    def compare_stored(self, until: Sequence[str], tolerance: float | None) -> Comparison:
        """Compares structure and weights; no model is built or run.

        Args:
            until: compare only what these nodes need; everything if there are none.
            tolerance: as for `compare_graphs`.

        Raises:
            ComposerError: a model cannot be read, or a name means nothing.
        """
        if self.are_bare:
            return compare_checkpoints(
                self.one.name, self.other.name, tolerance=tolerance, names=self.names
            )
        opened = [self._open(each) for each in (self.one, self.other)]
        stored = [read_weights(*each) for each in opened]
        one, other = opened[0].blueprint, opened[1].blueprint
        pairing, names = pair_nodes(one, other), list(until) or None
        theirs = translate_names(names, one, other, pairing)
        return compare_static(
            one,
            other,
            (stored[0].tensors, stored[1].tensors),
            pairing=pairing,
            tolerance=tolerance,
            scope=find_scope(one, other, names, theirs),
            random=list(dict.fromkeys([*stored[0].random, *stored[1].random])),
            names=self.names,
            notes=self.notes,
        )

    def open_graphs(self, seed: int) -> tuple[Graph, Graph]:
        """Both models with their weights; one graph twice where they are the same.

        Args:
            seed: the seed of weights that no checkpoint fills.

        Raises:
            ComposerError: a model cannot be opened.
        """
        one = self._open_graph(self.one, seed)
        return one, one if self.one == self.other else self._open_graph(self.other, seed)

    def _open(self, model: ComparedModel) -> OpenedModel:
        options = LoadOptions(**self.options)
        return open_model(model.name, model.weights or None, options, set=model.settings)

    def _open_graph(self, model: ComparedModel, seed: int) -> Graph:
        weights = model.weights or None
        return Graph.open(model.name, weights, set=model.settings, seed=seed, **self.options)


def find_models(
    one: ComparedModel,
    other: ComparedModel,
    options: Mapping[str, Any],
    names: tuple[str, str] | None = None,
) -> ComparedModels:
    """Finds what two names mean.

    A checkpoint that does not say which model it belongs to is taken as weights of the other
    model; two of them can be compared by the names of their weights.

    Args:
        one: the first model.
        other: the second.
        options: of loads, as `Graph.open` takes them.
        names: what they are called; by default as they are named.

    Raises:
        InputError: of two bare files of weights, one has settings or other weights.
        ComposerError: there is no such model.
    """
    called = names or (one.name, other.name)
    bare = _find_bare(one), _find_bare(other)
    if bare[0] and bare[1]:
        if any(each.weights or each.settings for each in (one, other)):
            raise InputError(
                "neither checkpoint says which model it belongs to, so nothing can be set or "
                "loaded: name the spec, and give it the checkpoints with --weights-a, --weights-b"
            )
        files = ComparedModel(bare[0]), ComparedModel(bare[1])
        note = "neither checkpoint says which model it belongs to: compared by names of weights"
        return ComparedModels(*files, options, called, (note,), are_bare=True)
    if bare[0]:
        one = _as_weights_of(other, bare[0], one)
    elif bare[1]:
        other = _as_weights_of(one, bare[1], other)
    notes = tuple(
        [
            f"{name} does not say which model it belongs to: taken as weights of the other"
            for name, file in zip(called, bare, strict=True)
            if file
        ]
    )
    return ComparedModels(one, other, options, called, notes)


def _as_weights_of(model: ComparedModel, file: str, bare: ComparedModel) -> ComparedModel:
    return ComparedModel(model.name, {"": file, **bare.weights}, bare.settings or model.settings)


def _find_bare(model: ComparedModel) -> str:
    """The file of a checkpoint that describes no model; empty for any other model."""
    kind, name = find_model_source(model.name)
    if kind != "checkpoint":
        return ""
    return "" if describes_graph(name) else name
