"""Cuts a part out of a graph: the wirings of a subgraph, and building no more than it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from composer.construction import Blueprint, build_modules
from composer.errors import InputError, NameResolutionError, PluginError
from composer.graph.freezing import freeze_weights
from composer.graph.running import Names, listed
from composer.language import Mode
from composer.plan import AddressBook, InputPoint, Plan, Target, Wiring, make_plan
from composer.plan.addressing import fed_slots


def part_of(blueprint: Blueprint, until: Names, feeds: Sequence[str]) -> dict[Mode, Wiring]:
    """The wirings of the part of a spec that some targets, taps among them, need.

    Raises:
        NameResolutionError: if a name is not known in any mode.
    """
    names = [name.partition(":")[0] for name in listed(until)]
    return cut_wirings(blueprint.wirings, feeds, list(dict.fromkeys(names)))


def build_parts(blueprint: Blueprint, wirings: Mapping[Mode, Wiring], seed: int) -> dict[str, Any]:
    """The modules and functions that some wirings call, by path, each on its own device.

    What the spec freezes does not learn.

    Raises:
        PluginError: if a node type's constructor fails, or its device is not to be had.
    """
    everything = wirings is blueprint.wirings
    called = {call.module_path for wiring in wirings.values() for call in wiring.calls.values()}
    built = build_modules(blueprint, seed=seed, only=None if everything else called)
    for path, made in built.items():
        device = blueprint.designs[path].device
        if device is not None and isinstance(made, nn.Module):
            try:
                made.to(device)
            except (AssertionError, RuntimeError) as error:  # the former of a backend left out
                raise PluginError(f"node '{path}' cannot be put on '{device}': {error}") from error
    freeze_weights(blueprint.spec.freeze, built)
    return built


def cut_wirings(
    wirings: Mapping[Mode, Wiring], feeds: Sequence[str], until: Sequence[str]
) -> dict[Mode, Wiring]:
    """The wirings of a subgraph, for the modes in which its targets exist.

    Raises:
        NameResolutionError: if a name is not known in any mode.
    """
    found: dict[Mode, Wiring] = {}
    failure: NameResolutionError | None = None
    for mode, wiring in wirings.items():
        try:
            found[mode] = _cut(wiring, feeds, until)
        except NameResolutionError as error:
            failure = failure if mode == "training" and failure else error
    if not found and failure is not None:
        raise failure
    return found


def _cut(wiring: Wiring, feeds: Sequence[str], until: Sequence[str]) -> Wiring:
    book = AddressBook(wiring)
    targets = {name: book.resolve(name) for name in until}
    fed = {name: book.resolve(name) for name in feeds}
    for name, target in [*targets.items(), *fed.items()]:
        if target.tap:
            raise InputError(f"'{name}': a subgraph starts and ends at nodes, not at taps")
    cuts = [slot for target in fed.values() for slot in fed_slots(target, wiring)]
    plan = make_plan(wiring, list(targets.values()), cuts)
    points = {
        point.name: point
        for name, target in fed.items()
        for point in _points(name, target, wiring, plan)
    }
    kept = {name: wiring.inputs[name] for name in plan.inputs}
    slots = {slot for path in plan.paths for slot in wiring.calls[path].slots}
    slots |= {point.slot for point in points.values()} | set(plan.input_slots)
    groups = {
        path: {name: end for name, end in outputs.items() if slots.issuperset(end.slots)}
        for path, outputs in wiring.groups.items()
    }
    return Wiring(
        mode=wiring.mode,
        inputs={**kept, **points},
        calls={path: wiring.calls[path] for path in wiring.calls if path in set(plan.paths)},
        outputs={name: target.endpoint for name, target in targets.items()},
        groups={path: outputs for path, outputs in groups.items() if outputs},
    )


def _points(name: str, target: Target, wiring: Wiring, plan: Plan) -> list[InputPoint]:
    """The inputs that a feed becomes: its first port, and others of the node that are needed."""
    if target.endpoint.gathers:
        raise InputError(f"'{name}' stands for several values; feed them one by one")
    if target.name in wiring.inputs:
        return [wiring.inputs[target.name]]
    first, *others = fed_slots(target, wiring)
    slots = {name: first}
    slots |= {f"{name}.{slot.port}": slot for slot in others if slot in plan.used_feeds}
    return [InputPoint(n, wiring.type_of(slot), {}, False, slot) for n, slot in slots.items()]
