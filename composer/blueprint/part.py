"""Cuts a part out of a blueprint: what some targets need of it, from some feeds on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from composer.blueprint.addresses import Target
from composer.blueprint.nodes import Endpoint, GraphInput, Slot
from composer.blueprint.plan import Plan, make_plan
from composer.errors import InputError, NameResolutionError
from composer.language import Mode

if TYPE_CHECKING:
    from composer.blueprint.blueprint import Blueprint


@dataclass(frozen=True)
class _Cut:
    """What is left of one mode."""

    inputs: Mapping[str, GraphInput]
    paths: frozenset[str]
    outputs: Mapping[str, Endpoint]
    groups: Mapping[str, Mapping[str, Endpoint]]


def cut_part(blueprint: Blueprint, until: Sequence[str], feeds: Sequence[str]) -> Blueprint:
    """The part that computes some targets, in the modes in which they exist.

    Raises:
        NameResolutionError: if a name is not known in any mode.
        InputError: if a name is that of a tap.
    """
    cuts: dict[Mode, _Cut] = {}
    failure: NameResolutionError | None = None
    for mode in blueprint.modes:
        try:
            cuts[mode] = _cut(blueprint, mode, until, feeds)
        except NameResolutionError as error:
            failure = failure if mode == "training" and failure else error
    if not cuts and failure is not None:
        raise failure
    nodes = dict(blueprint.nodes)
    for path, node in nodes.items():
        kept = {mode: node.arguments[mode] for mode, cut in cuts.items() if path in cut.paths}
        nodes[path] = replace(node, arguments=kept)
    return replace(
        blueprint,
        nodes=nodes,
        inputs={mode: cut.inputs for mode, cut in cuts.items()},
        outputs={mode: cut.outputs for mode, cut in cuts.items()},
        groups={mode: cut.groups for mode, cut in cuts.items()},
        is_part=True,
    )


def _cut(blueprint: Blueprint, mode: Mode, until: Sequence[str], feeds: Sequence[str]) -> _Cut:
    book, dependencies = blueprint.book(mode), blueprint.dependencies(mode)
    targets = {name: book.resolve(name) for name in until}
    fed = {name: book.resolve(name) for name in feeds}
    for name, target in [*targets.items(), *fed.items()]:
        if target.tap:
            raise InputError(f"'{name}': a subgraph starts and ends at nodes, not at taps")
    slots_of = {name: book.fed_slots(target) for name, target in fed.items()}
    cuts = dict.fromkeys(slot for slots in slots_of.values() for slot in slots)
    plan = make_plan(dependencies, list(targets.values()), cuts.keys())
    points = {
        point.name: point
        for name, target in fed.items()
        for point in _points(blueprint, name, target, slots_of[name], plan)
    }
    kept = {name: dependencies.inputs[name] for name in plan.inputs}
    slots = {slot for step in plan.steps for slot in step.node.slots}
    slots |= {point.slot for point in points.values()} | set(plan.input_slots)
    groups = {
        path: {name: end for name, end in outputs.items() if slots.issuperset(end.slots)}
        for path, outputs in blueprint.groups[mode].items()
    }
    return _Cut(
        inputs={**kept, **points},
        paths=frozenset(plan.paths),
        outputs={name: target.endpoint for name, target in targets.items()},
        groups={path: outputs for path, outputs in groups.items() if outputs},
    )


def _points(
    blueprint: Blueprint, name: str, target: Target, slots: Sequence[Slot], plan: Plan
) -> list[GraphInput]:
    """The inputs that a feed becomes: its first port, and others of the node that are needed."""
    if target.endpoint.gathers:
        raise InputError(f"'{name}' stands for several values; feed them one by one")
    dependencies = blueprint.dependencies(plan.mode)
    if target.name in dependencies.inputs:
        return [dependencies.inputs[target.name]]
    first, *others = slots
    named = {name: first}
    named |= {f"{name}.{slot.port}": slot for slot in others if slot in plan.used_feeds}
    return [
        GraphInput(n, "any", False, slot, dependencies.type_of(slot)) for n, slot in named.items()
    ]
