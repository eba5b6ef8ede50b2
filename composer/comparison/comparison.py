"""`Comparison`: two models compared by structure, weights and values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from composer.blueprint import Blueprint, Names, listed
from composer.comparison.node_values import NodeValues, ValueComparison
from composer.comparison.pairing import Pairing, pair_nodes
from composer.comparison.recording import Request
from composer.comparison.report import describe, format_comparison
from composer.comparison.structure import Change, compare_structure
from composer.comparison.weights import NodeTensors, WeightComparison, compare_weights
from composer.errors import InputError, NameResolutionError
from composer.graph import Graph, node_weights
from composer.html_parts import make_report

DEFAULT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """How two models differ.

    Args:
        names: the names of the two models.
        structure: the differences of structure.
        weights: the weights, compared node by node.
        values: the values on an input; None if nothing was run.
        notes: remarks on how the models were compared.
    """

    names: tuple[str, str]
    structure: tuple[Change, ...]
    weights: WeightComparison
    values: ValueComparison | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing differs: structure, weights, nodes by themselves, and outputs."""
        same = not self.structure and not self.weights.nodes
        return same and (self.values is None or self.values.is_same)

    @property
    def first(self) -> str | None:
        """The name of the first node where the values part; None if they do not or nothing ran."""
        found = None if self.values is None else self.values.first
        return None if found is None else found.name

    @property
    def causes(self) -> tuple[str, ...]:
        """The names of the nodes that differ on equal values, in order."""
        return () if self.values is None else tuple([each.name for each in self.values.causes])

    def to_dict(self) -> dict[str, Any]:
        """The comparison as a value that `json.dumps` takes."""
        return {
            "models": list(self.names),
            "is_same": self.is_same,
            "structure": [change.to_dict() for change in self.structure],
            "weights": self.weights.to_dict(),
            "values": None if self.values is None else self.values.to_dict(),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return f"<Comparison: {describe(self)}>"

    def __str__(self) -> str:
        return format_comparison(self)

    def _repr_html_(self) -> str:
        """The report, in notebooks."""
        return make_report(self)


def compare_graphs(
    one: Graph,
    other: Graph,
    inputs: Any = None,
    *,
    other_inputs: Any = None,
    until: Names | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    names: tuple[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compares two graphs, and, given inputs, what their nodes give in inference.

    Args:
        one: the first graph.
        other: the second.
        inputs: the input of both, as for `Graph.run`; None to run nothing.
        other_inputs: the input of the second where it is another, such as an image that is read
            in another order of channels.
        until: compare only what these nodes need, by their names in the first.
        tolerance: the relative difference up to which numbers are the same; 1e-4 by default, and
            weights are then the same only if they are equal.
        seed: the seed of what nodes draw.
        names: the names of the models.
        notes: remarks for the result.

    Raises:
        ComposerError: a name means nothing, an input does not fit, or a node fails.
    """
    check_tolerance(tolerance)
    pairing = pair_nodes(one.blueprint, other.blueprint)
    limit = DEFAULT_TOLERANCE if tolerance is None else tolerance
    theirs = translate_names(until, one.blueprint, other.blueprint, pairing)
    requests = (
        Request(inputs, until, seed),
        Request(inputs if other_inputs is None else other_inputs, theirs, seed),
    )
    scope = find_scope(one.blueprint, other.blueprint, until, theirs)
    static = compare_static(
        one.blueprint,
        other.blueprint,
        (node_weights(one), node_weights(other)),
        pairing=pairing,
        tolerance=tolerance,
        scope=scope,
        random=list(dict.fromkeys([*one.random_nodes, *other.random_nodes])),
        names=names,
        notes=notes,
    )
    if inputs is None and other_inputs is None:
        return static
    with _inferring(one, other):
        run = NodeValues((one, other), pairing, requests, limit)
        values = run.compare(_explain_by(static, one, other))
    return Comparison(static.names, static.structure, static.weights, values, static.notes)


def compare_static(
    one: Blueprint,
    other: Blueprint,
    weights: tuple[NodeTensors, NodeTensors],
    *,
    pairing: Pairing | None = None,
    tolerance: float | None = None,
    scope: Collection[str] | None = None,
    random: Sequence[str] = (),
    names: tuple[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compares structure and weights; nothing is built or run.

    Args:
        one: the first model.
        other: the second.
        weights: the weights of both, by node.
        pairing: their nodes, if they are paired already.
        tolerance: as for `compare_graphs`.
        scope: paths in either model that count; all if None.
        random: nodes with weights that no checkpoint filled.
        names: the names of the models.
        notes: remarks for the result.
    """
    pairing = pair_nodes(one, other) if pairing is None else pairing
    compared = compare_weights(
        *weights,
        pairing,
        tolerance=tolerance or 0.0,
        scope=scope,
        random=[path for path in random if scope is None or path in scope],
    )
    structure = compare_structure(one, other, pairing, scope)
    return Comparison(
        names or (one.spec.name, other.spec.name), structure, compared, notes=tuple(notes)
    )


def check_tolerance(tolerance: object) -> None:
    """Makes sure that a tolerance is a number from 0 on, or None.

    Raises:
        InputError: if it is not.
    """
    is_number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if tolerance is not None and not (is_number and 0 <= float(str(tolerance)) < float("inf")):
        raise InputError(f"a tolerance is a number from 0 on, not {tolerance!r:.40}")


def translate_names(
    until: Names | None, one: Blueprint, other: Blueprint, pairing: Pairing
) -> list[str] | None:
    """The names in the second model of what is named in the first.

    Raises:
        NameResolutionError: a name means nothing in the first, or in the second.
    """
    if until is None:
        return None
    return [_translate_name(name, one, other, pairing) for name in listed(until)]


def _translate_name(name: str, one: Blueprint, other: Blueprint, pairing: Pairing) -> str:
    full = one.book("inference").resolve(name).name
    for path, theirs in sorted(pairing.renamed.items(), key=lambda item: -len(item[0])):
        if full == path or full.startswith((f"{path}.", f"{path}:")):
            full = theirs + full[len(path) :]
            break
    try:
        return other.book("inference").resolve(full).name
    except NameResolutionError as error:
        raise NameResolutionError(f"in the second model, {error}") from error


def find_scope(
    one: Blueprint, other: Blueprint, until: Names | None, theirs: Names | None
) -> frozenset[str] | None:
    """The nodes and inputs of either model that what is asked for needs; None for everything."""
    if until is None:
        return None
    plans = one.plan("inference", until), other.plan("inference", theirs)
    return frozenset(each for plan in plans for each in (*plan.paths, *plan.inputs))


@contextmanager
def _inferring(*graphs: Graph) -> Iterator[None]:
    """Puts graphs into inference mode, and gives each module its own mode back."""
    wholes = [each for graph in graphs for each in (graph, graph.source) if each is not None]
    modes = {module: module.training for whole in wholes for module in whole.modules()}
    for graph in graphs:
        graph.eval()
    try:
        yield
    finally:
        for module, is_training in modes.items():
            module.training = is_training


def _explain_by(static: Comparison, one: Graph, other: Graph) -> Callable[[str], Sequence[str]]:
    """A function that lists what is known to be different of a node."""
    found: dict[str, list[str]] = {}
    for change in static.structure:
        if change.kind != "renamed":
            found.setdefault(change.where, []).append(change.reason)
    for each in static.weights.nodes:
        found.setdefault(each.node, []).append(each.reason)
    ways = one.optimization, other.optimization

    def explain(path: str) -> list[str]:
        shared = one.blueprint.nodes.get(path)
        known = [*found.get(path, ())]
        if shared is not None and shared.same_as:
            known += found.get(shared.same_as, ())
        if not known and ways[0] != ways[1]:
            known = [f"it runs otherwise: {ways[0] or 'as it is'} -> {ways[1] or 'as it is'}"]
        return known

    return explain
