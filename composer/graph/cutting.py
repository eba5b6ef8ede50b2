"""Cuts a part out of a wiring: the wiring of a subgraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.errors import InputError, NameResolutionError
from composer.plan import AddressBook, InputPoint, Target, Wiring, make_plan
from composer.spec.language import Mode


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
    points = {name: _point(name, target, wiring) for name, target in fed.items()}
    cuts = [slot for target in fed.values() for slot in target.endpoint.slots]
    plan = make_plan(wiring, list(targets.values()), cuts)
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


def _point(name: str, target: Target, wiring: Wiring) -> InputPoint:
    if target.endpoint.gathers:
        raise InputError(f"'{name}' stands for several values; feed them one by one")
    slot = target.slot
    return InputPoint(name, wiring.type_of(slot), {}, False, slot)

