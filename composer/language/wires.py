"""From a document's values to wires and outputs."""

from __future__ import annotations

from composer.documents import Located
from composer.language.keys import MODES
from composer.language.spec import Reference, WireSpec


def to_outputs(item: Located | None) -> dict[str, WireSpec]:
    """Outputs by name, from either form: by mode first, or by name first."""
    if item is None or item.faulty or not item.is_mapping:
        return {}
    if item.value.keys().isdisjoint(MODES):
        return {name: to_wire(wire) for name, wire in item.entries()}
    per_name: dict[str, dict[str, Located]] = {}
    for mode, wires in item.entries():
        for name, wire in wires.entries():
            per_name.setdefault(name, {})[mode] = wire
    return {
        name: to_wire(Located(wires, next(iter(wires.values())).place))
        for name, wires in per_name.items()
    }


def to_wire(item: Located) -> WireSpec:
    """A wire, from any of its forms."""
    given = {mode: item.get(mode) if item.is_mapping else item for mode in MODES}
    per_mode = {m: wire for m, wire in given.items() if wire is not None and wire.value is not None}
    written: list[Located | None] = [item, *given.values()]
    return WireSpec(
        references={mode: _references(wire) for mode, wire in per_mode.items()},
        gathers=frozenset(mode for mode, wire in per_mode.items() if isinstance(wire.value, list)),
        place=item.place,
        faulty=any(wire is not None and _is_faulty(wire) for wire in written),
    )


def _is_faulty(wire: Located) -> bool:
    members = wire.value if isinstance(wire.value, list) else []
    return wire.faulty or any(member.faulty for member in members)


def _references(item: Located) -> tuple[Reference, ...]:
    members = item.value if isinstance(item.value, list) else [item]
    return tuple(Reference(str(member.value), member.place) for member in members)
