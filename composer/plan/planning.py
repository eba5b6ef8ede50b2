"""Makes a plan: exactly the ancestors of the targets that feeds do not cut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from composer.dag import needed, order
from composer.plan.addressing import Target
from composer.plan.plan import Plan, Step
from composer.plan.wiring import Slot, Wiring


def make_plan(
    wiring: Wiring,
    targets: Sequence[Target],
    feeds: Iterable[Slot] = (),
    *,
    keep_all: bool = False,
) -> Plan:
    """The steps that compute the targets.

    Args:
        wiring: the nodes of one mode.
        targets: what is asked for.
        feeds: slots whose values are given, and so not computed.
        keep_all: whether to keep every output of the nodes that run, needed or not.
    """
    fed = tuple(dict.fromkeys(feeds))
    wanted: set[Slot | str] = {slot for t in targets if not t.tap for slot in t.endpoint.slots}
    wanted |= {target.slot.path for target in targets if target.tap}
    vertices = needed(wiring.dependencies, wanted, fed)
    running = [v for v in vertices if isinstance(v, str)]
    ordered = [v for v in order(wiring.dependencies, vertices, wiring.rank) if isinstance(v, str)]
    uncut = {v for v in needed(wiring.dependencies, wanted) if isinstance(v, str)}
    given = {v for v in vertices if v in wiring.input_types and v not in fed}
    read = _last_uses(wiring, ordered).keys() | wanted
    return Plan(
        mode=wiring.mode,
        targets=tuple(targets),
        feeds=fed,
        used_feeds=tuple(slot for slot in fed if slot in vertices),
        inputs=tuple(n for n, p in wiring.inputs.items() if p.slot in given),
        input_slots=tuple(s for s in wiring.input_types if s in given and s in read),
        steps=_steps(wiring, ordered, targets, set(fed), keep_all),
        cut=tuple(path for path in wiring.calls if path in uncut and path not in set(running)),
        not_run=tuple(path for path in wiring.calls if path not in uncut),
    )


def _steps(
    wiring: Wiring,
    ordered: Sequence[str],
    targets: Sequence[Target],
    fed: set[Slot],
    keep_all: bool,
) -> tuple[Step, ...]:
    kept = {slot for target in targets if not target.tap for slot in target.endpoint.slots}
    last = _last_uses(wiring, ordered)
    taps: dict[str, list[str]] = {}
    for target in targets:
        if target.tap:
            taps.setdefault(target.slot.path, []).append(target.tap)
    steps: list[Step] = []
    for index, path in enumerate(ordered):
        call = wiring.calls[path]
        keeps = tuple(
            (place, slot)
            for place, slot in enumerate(call.slots)
            if slot not in fed and (keep_all or slot in last or slot in kept)
        )
        releases = tuple(sorted(s for s, at in last.items() if at == index and s not in kept))
        steps.append(Step(call, keeps, releases, tuple(dict.fromkeys(taps.get(path, ())))))
    return tuple(steps)


def _last_uses(wiring: Wiring, ordered: Sequence[str]) -> Mapping[Slot, int]:
    """For each slot that a step reads, the last step that does."""
    last: dict[Slot, int] = {}
    for index, path in enumerate(ordered):
        for argument in wiring.calls[path].arguments.values():
            for slot in argument.slots:
                last[slot] = index
    return last
