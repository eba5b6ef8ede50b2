"""Makes a plan: exactly the ancestors of the targets that feeds do not cut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from composer.blueprint.addresses import Target
from composer.blueprint.dependencies import Dependencies
from composer.blueprint.nodes import Slot
from composer.blueprint.plan import Plan, Step
from composer.dag import needed, order


def make_plan(
    dependencies: Dependencies,
    targets: Sequence[Target],
    feeds: Iterable[Slot] = (),
    *,
    is_whole: bool = False,
    keep_all: bool = False,
) -> Plan:
    """The steps that compute the targets.

    Args:
        dependencies: the nodes and slots of one mode.
        targets: what is asked for.
        feeds: slots whose values are given, and so not computed.
        is_whole: whether the targets are all outputs of the graph.
        keep_all: whether to keep every output of the nodes that run, needed or not.
    """
    graph, fed = dependencies.graph, tuple(dict.fromkeys(feeds))
    wanted: set[Slot | str] = {slot for t in targets if not t.tap for slot in t.endpoint.slots}
    wanted |= {target.slot.path for target in targets if target.tap}
    vertices = needed(graph, wanted, frozenset(fed))
    running = {v for v in vertices if isinstance(v, str)}
    ordered = [v for v in order(graph, vertices, dependencies.rank) if isinstance(v, str)]
    uncut = {v for v in needed(graph, wanted) if isinstance(v, str)} if fed else running
    inputs, input_types = dependencies.inputs, dependencies.input_types
    given = {v for v in vertices if v in input_types}.difference(fed)
    last = _last_uses(dependencies, ordered)
    read = last.keys() | wanted
    return Plan(
        mode=dependencies.mode,
        targets=tuple(targets),
        is_whole=is_whole,
        feeds=fed,
        used_feeds=tuple(slot for slot in fed if slot in vertices),
        inputs=tuple(n for n, p in inputs.items() if p.slot in given),
        input_slots=tuple(s for s in input_types if s in given and s in read),
        steps=_steps(dependencies, ordered, last, targets, set(fed), keep_all),
        cut=tuple(path for path in dependencies.nodes if path in uncut and path not in running),
        not_run=tuple(path for path in dependencies.nodes if path not in uncut),
    )


def _steps(
    dependencies: Dependencies,
    ordered: Sequence[str],
    last: Mapping[Slot, int],
    targets: Sequence[Target],
    fed: set[Slot],
    keep_all: bool,
) -> tuple[Step, ...]:
    kept = {slot for target in targets if not target.tap for slot in target.endpoint.slots}
    taps: dict[str, list[str]] = {}
    for target in targets:
        if target.tap:
            taps.setdefault(target.slot.path, []).append(target.tap)
    released: dict[int, list[Slot]] = {}
    for slot, index in last.items():
        if slot not in kept:
            released.setdefault(index, []).append(slot)
    steps: list[Step] = []
    for index, path in enumerate(ordered):
        node = dependencies.nodes[path]
        keeps = tuple(
            (place, slot)
            for place, slot in enumerate(node.slots)
            if slot not in fed and (keep_all or slot in last or slot in kept)
        )
        releases = tuple(sorted(released.get(index, ())))
        tapped = tuple(dict.fromkeys(taps.get(path, ())))
        steps.append(Step(node, node.arguments[dependencies.mode], keeps, releases, tapped))
    return tuple(steps)


def _last_uses(dependencies: Dependencies, ordered: Sequence[str]) -> Mapping[Slot, int]:
    """For each slot that a step reads, the last step that does."""
    last: dict[Slot, int] = {}
    for index, path in enumerate(ordered):
        for argument in dependencies.nodes[path].arguments[dependencies.mode].values():
            for slot in argument.slots:
                last[slot] = index
    return last
