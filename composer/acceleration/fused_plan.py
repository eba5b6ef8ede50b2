"""Plans in which sets of nodes run as one step.

Partial execution wins: a set runs as one only where all of its nodes would run, and nobody asks
for, feeds, taps or watches anything inside it. Otherwise its nodes are steps of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx

from composer.blueprint import Endpoint, Plan, Slot, Step, release_after_last_use
from composer.dag import order


@dataclass(frozen=True)
class FusibleSet:
    """A set of nodes that may run as one step.

    Args:
        step: the step, without what depends on the plan: its node has all inputs as ports.
        paths: the nodes, in order.
        leaving: the slots that it computes, in the order of its outputs.
        note: the line of a plan about the set where it runs as one.
    """

    step: Step
    paths: tuple[str, ...]
    leaving: tuple[Slot, ...]
    note: str


def fuse_plan(
    plan: Plan,
    sets: Sequence[FusibleSet],
    watched: Collection[str] = (),
    failed: Mapping[tuple[str, ...], str] | None = None,
    edited: Collection[Slot] = (),
) -> Plan:
    """The plan with sets of nodes as one step each, and a note on every set that it touches.

    Args:
        plan: the plan.
        sets: sets that have no node in common.
        watched: nodes that hooks watch.
        failed: why engines cannot run some of the sets, by their nodes.
        edited: slots whose values are edited.
    """
    if plan.mode != "inference":
        return plan
    steps = {step.node.path: step for step in plan.steps}
    fused: list[FusibleSet] = []
    notes: list[str] = []
    for each in sets:
        if steps.keys().isdisjoint(each.paths):
            continue
        failure = (failed or {}).get(each.paths, "")
        reason = failure or _find_obstacle(plan, steps, each, watched, edited)
        if not reason and _arrange(plan, [*fused, each]) is None:
            reason = "it and another set need values of each other"
        if not reason:
            fused.append(each)
        notes.append(f"by PyTorch, for {reason}: {', '.join(each.paths)}" if reason else each.note)
    arranged = _arrange(plan, fused) if fused else None
    if arranged is None:
        return replace(plan, notes=(*plan.notes, *notes))
    targets = {slot for t in plan.targets if not t.tap for slot in t.endpoint.slots}
    return replace(
        plan,
        steps=release_after_last_use(arranged, targets),
        notes=(*plan.notes, *notes),
        original=plan,
    )


def _find_obstacle(
    plan: Plan,
    steps: Mapping[str, Step],
    each: FusibleSet,
    watched: Collection[str],
    edited: Collection[Slot],
) -> str:
    """Why a set does not run as one step in a plan; an empty text if it does."""
    if missing := [path for path in each.paths if path not in steps]:
        return f"{_listed(missing)} {_does(missing)} not run"
    if tapped := [path for path in each.paths if steps[path].taps]:
        return f"{_listed(tapped)} {_is(tapped)} tapped"
    if seen := [path for path in each.paths if path in watched]:
        return f"a hook watches {_listed(seen)}"
    own = {slot for path in each.paths for slot in steps[path].node.slots}
    if fed := [str(slot) for slot in plan.feeds if slot in own]:
        return f"{_listed(fed)} {_is(fed)} fed"
    read = {slot for p in each.paths for end in steps[p].arguments.values() for slot in end.slots}
    free = set(each.leaving) - read  # is changed when the set has run
    if changed := [str(slot) for slot in edited if slot in own and slot not in free]:
        return f"{_listed(changed)} {_is(changed)} edited"
    inner = own.difference(each.leaving)
    asked = [str(s) for t in plan.targets if not t.tap for s in t.endpoint.slots if s in inner]
    return f"{_listed(asked)} {_is(asked)} asked for" if asked else ""


def _arrange(plan: Plan, sets: Sequence[FusibleSet]) -> list[Step] | None:
    """The steps in an order that has sets as one; None if there is none."""
    owner = {path: index for index, each in enumerate(sets) for path in each.paths}
    units: dict[int | str, Step] = {}
    rank: dict[int | str, int] = {}
    for place, step in enumerate(plan.steps):
        unit = owner.get(step.node.path, step.node.path)
        rank.setdefault(unit, place)
        if isinstance(unit, str):
            units[unit] = step
    steps = {step.node.path: step for step in plan.steps}
    for index, each in enumerate(sets):
        units[index] = _fused_step(each, [steps[path] for path in each.paths])
    graph: nx.DiGraph[int | str] = nx.DiGraph()
    graph.add_nodes_from(units)
    for unit, step in units.items():
        for argument in step.arguments.values():
            before = [owner.get(slot.path, slot.path) for slot in argument.slots]
            graph.add_edges_from((each, unit) for each in before if each in units)
    if sets and not nx.is_directed_acyclic_graph(graph):
        return None
    return [units[unit] for unit in order(graph, units, rank)]


def _fused_step(each: FusibleSet, members: Sequence[Step]) -> Step:
    kept = {slot for member in members for _, slot in member.keeps}
    keeps = tuple([(i, slot) for i, slot in enumerate(each.leaving) if slot in kept])
    return replace(each.step, keeps=keeps, members=each.paths)


def endpoints_of(slots: Sequence[Slot]) -> dict[str, Endpoint]:
    """Slots as arguments, each a port by its name."""
    return {str(slot): Endpoint((slot,)) for slot in slots}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _does(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"
