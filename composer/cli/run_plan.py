"""What a run would do, found out before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from composer.cli.run_request import RunRequest
from composer.construction import Blueprint, check_source
from composer.errors import InputError
from composer.plan import AddressBook, Plan, Slot, Target, Wiring, make_plan
from composer.plan.addressing import fed_slots
from composer.plan.feeding import spread_feed
from composer.storage import fit_value, read_tensors
from composer.taps import find_module


@dataclass(frozen=True)
class RunPlan:
    """A checked spec and the plan of one run of it.

    Args:
        blueprint: the checked spec.
        wiring: its nodes and wires in the mode of the run.
        plan: what runs.
        feeds: the values that are given, by the names that were used.
    """

    blueprint: Blueprint
    wiring: Wiring
    plan: Plan
    feeds: Mapping[str, Any]


def make_run_plan(request: RunRequest) -> RunPlan:
    """Checks the spec, reads the feeds and plans the run. No module is built.

    Raises:
        SpecError: with all problems of the spec at once.
        NameResolutionError: if a target or feed means nothing, or several things.
        InputError: if a feed cannot be read, or there is nothing to run in the mode.
    """
    blueprint = check_source(request.spec, set=request.settings)
    wiring = blueprint.wirings[request.mode]
    book = AddressBook(wiring)
    feeds: dict[str, Any] = {}
    slots: dict[Slot, Any] = {}
    for name, file in request.feeds.items():
        target = book.resolve(name)
        feeds[name] = _fit_feed(read_tensors(file), target, wiring)
        slots.update(spread_feed(target, feeds[name], wiring))
    plan = make_plan(wiring, find_targets(request, blueprint, wiring, book), slots)
    return RunPlan(blueprint, wiring, plan, feeds)


def find_targets(
    request: RunRequest, blueprint: Blueprint, wiring: Wiring, book: AddressBook
) -> list[Target]:
    """What the run is to give: the targets, or the graph's outputs.

    Raises:
        NameResolutionError: if a name means nothing, or several things.
        InputError: if no target is named and the mode has no outputs.
    """
    if not request.until and not wiring.outputs:
        raise InputError(
            f"{request.spec} has no outputs in {wiring.mode} mode; name a node with --until"
        )
    if not request.until:
        return [Target(name, endpoint) for name, endpoint in wiring.outputs.items()]
    targets = [book.resolve(name) for name in request.until]
    for target in targets:
        if target.tap:
            design = blueprint.designs[wiring.calls[target.slot.path].module_path]
            with torch.device("meta"):
                find_module(design.instantiate(), target.slot.path, target.tap)
    return targets


def _fit_feed(value: Any, target: Target, wiring: Wiring) -> Any:
    """The value, plain tensors in it made what the ports of the target want."""
    slots = fed_slots(target, wiring)
    by_port = {slot.port: slot for slot in slots}
    if len(slots) > 1 and isinstance(value, Mapping) and by_port.keys() >= value.keys():
        return {
            port: fit_value(part, port, wiring.type_of(by_port[port]))
            for port, part in value.items()
        }
    if isinstance(value, tuple):
        return value
    return fit_value(value, target.slot.port, wiring.type_of(target.slot))
