"""Which node of one model is which of another: by path, and by likeness where it was renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from composer.blueprint import Blueprint, Endpoint, Node, Slot

_LEAST_LIKENESS = 4  # of 7


@dataclass(frozen=True)
class Pairing:
    """The nodes and inputs of two models that belong together.

    Args:
        nodes: path in one model -> path in the other, in the order of the first.
        renamed: those of them that have another path; their likeness is a guess.
        removed: paths that only the first model has.
        added: paths that only the second has.
        inputs: name of an input in one model -> name in the other.
        sources: where the slots of inputs are, in one model -> in the other: the inputs' names,
            and in parts of models the nodes that are fed.
    """

    nodes: Mapping[str, str]
    renamed: Mapping[str, str]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    inputs: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)

    def translate(self, slot: Slot) -> Slot | None:
        """The slot of the second model for one of the first; None if there is none."""
        path = self.nodes.get(slot.path, self.sources.get(slot.path))
        return None if path is None else Slot(path, slot.port)

    def translate_back(self, slot: Slot) -> Slot | None:
        """The slot of the first model for one of the second; None if there is none."""
        path = self._back.get(slot.path)
        return None if path is None else Slot(path, slot.port)

    @cached_property
    def _back(self) -> dict[str, str]:
        return {theirs: ours for ours, theirs in (*self.nodes.items(), *self.sources.items())}


def pair_nodes(one: Blueprint, other: Blueprint) -> Pairing:
    """Pairs the nodes of two models.

    Nodes of one path belong together whatever their type. Of the others, those of one type do that
    are alike: in their last name, configuration, bytes of weights and what is wired to them.

    Args:
        one: the first model.
        other: the second.
    """
    ours, theirs = _existing(one), _existing(other)
    nodes = {path: path for path in ours if path in theirs}
    inputs = _pair_inputs(list_inputs(one), list_inputs(other))
    sources = _pair_sources(one, other, inputs)
    left = [path for path in theirs if path not in nodes]
    renamed: dict[str, str] = {}
    for path in ours:
        if path in nodes:
            continue
        found = _find_alike(path, left, (one, other), {**nodes, **renamed, **sources})
        if found is not None:
            renamed[path] = found
            left.remove(found)
    known = {**nodes, **renamed}
    return Pairing(
        nodes={path: known[path] for path in ours if path in known},
        renamed=renamed,
        removed=tuple([path for path in ours if path not in known]),
        added=tuple(left),
        inputs=inputs,
        sources=sources,
    )


def _existing(blueprint: Blueprint) -> dict[str, Node]:
    return {path: node for path, node in blueprint.nodes.items() if node.arguments}


def list_inputs(blueprint: Blueprint) -> list[str]:
    """The names of a model's inputs; of a part, those of the part."""
    return list(dict.fromkeys(name for inputs in blueprint.inputs.values() for name in inputs))


def _pair_inputs(ours: list[str], theirs: list[str]) -> dict[str, str]:
    """Inputs of one name; the only one of each whatever its name."""
    if len(ours) == len(theirs) == 1:
        return {ours[0]: theirs[0]}
    return {name: name for name in ours if name in theirs}


def _pair_sources(one: Blueprint, other: Blueprint, inputs: Mapping[str, str]) -> dict[str, str]:
    """Where the slots of paired inputs are."""
    found: dict[str, str] = {}
    for mode, points in one.inputs.items():
        others = other.inputs.get(mode, {})
        for name, point in points.items():
            if (theirs := others.get(inputs.get(name, ""))) is not None:
                found[point.slot.path] = theirs.slot.path
    return found


def _find_alike(
    path: str,
    candidates: Iterable[str],
    blueprints: tuple[Blueprint, Blueprint],
    known: Mapping[str, str],
) -> str | None:
    """The candidate of the second model that is most like a node of the first."""
    one, other = blueprints
    likeness = {
        each: _measure_likeness(one.nodes[path], other.nodes[each], known)
        + _have_equal_weights(one, path, other, each)
        for each in candidates
        if one.nodes[path].type_name == other.nodes[each].type_name
    }
    best = max(likeness, key=lambda each: likeness[each], default=None)
    return best if best is not None and likeness[best] >= _LEAST_LIKENESS else None


def _measure_likeness(one: Node, other: Node, known: Mapping[str, str]) -> float:
    alike = 2.0 * (one.path.rpartition(".")[2] == other.path.rpartition(".")[2])
    alike += 2.0 * (one.config == other.config)
    wires = [
        _is_same(wire, other.arguments.get(mode, {}).get(port), known)
        for mode, ports in one.arguments.items()
        for port, wire in ports.items()
    ]
    return alike + (2.0 * sum(wires) / len(wires) if wires else 0.0)


def _have_equal_weights(one: Blueprint, path: str, other: Blueprint, their_path: str) -> bool:
    size = one.weight_bytes.get(path, 0)
    return size > 0 and size == other.weight_bytes.get(their_path, 0)


def _is_same(wire: Endpoint, their: Endpoint | None, known: Mapping[str, str]) -> bool:
    if their is None or len(wire.slots) != len(their.slots):
        return False
    return all(
        known.get(ours.path) == theirs.path and ours.port == theirs.port
        for ours, theirs in zip(wire.slots, their.slots, strict=True)
    )
