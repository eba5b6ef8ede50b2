"""Which nodes of several blueprints are the same: they call the same on the same wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.blueprint import Blueprint, Node
from composer.language import Mode

_MODE: Mode = "inference"


def number_nodes(
    blueprints: Sequence[Blueprint], weights: Sequence[Any]
) -> list[Mapping[str, int]]:
    """Numbers for the nodes of inference, by path; nodes of one path and number are the same.

    Args:
        blueprints: the blueprints.
        weights: what each loads its weights from: where that differs, nodes with weights do.
    """
    known: dict[str, list[tuple[Blueprint, Any]]] = {}
    numbered: list[Mapping[str, int]] = []
    for blueprint, source in zip(blueprints, weights, strict=True):
        numbers: dict[str, int] = {}
        for path in blueprint.nodes_in(_MODE):
            others = known.setdefault(path, [])
            found = (
                place
                for place, (other, its_source) in enumerate(others)
                if _are_same(path, blueprint, other, is_one_source=_are_equal(source, its_source))
            )
            numbers[path] = next(found, len(others))
            if numbers[path] == len(others):
                others.append((blueprint, source))
        numbered.append(numbers)
    return numbered


def _are_same(path: str, one: Blueprint, other: Blueprint, *, is_one_source: bool) -> bool:
    node, twin = one.nodes[path], other.nodes[path]
    if node.module_path != twin.module_path:
        return False
    owner, its_twin = one.nodes[node.module_path], other.nodes[twin.module_path]
    has_weights = one.weight_bytes.get(owner.path) or other.weight_bytes.get(owner.path)
    if has_weights and not is_one_source:
        return False
    return _are_equal(_describe(node), _describe(twin)) and _are_equal(
        _describe(owner, wires=False), _describe(its_twin, wires=False)
    )


def _describe(node: Node, *, wires: bool = True) -> list[Any]:
    """What a call of a node depends on, beside its weights and the values that it is given."""
    target = None if node.contract is None else node.contract.target
    arguments = node.arguments[_MODE] if wires else {}
    return [
        target,
        node.label,
        node.namespace,
        node.device,
        dict(node.config),
        dict(node.shapes),
        {port: (end.slots, end.gathers) for port, end in arguments.items()},
    ]


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal for sure."""
    try:
        return one is other or bool(one == other)
    except Exception:  # of values of plugins, whose comparison may do anything
        return False
