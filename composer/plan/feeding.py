"""Which slots a given value fills."""

from __future__ import annotations

from typing import Any

from composer.errors import InputError
from composer.node import describe_type, takes
from composer.plan.addressing import Target
from composer.plan.wiring import Slot, Wiring
from composer.values import describe


def feedable_slot(target: Target) -> Slot:
    """The slot that a plain value for a target fills: of a node, its first output.

    Raises:
        InputError: if the target cannot be given.
    """
    if target.tap:
        raise InputError(f"'{target.name}': a tap can be read, not replaced; replace its node")
    if target.endpoint.gathers:
        names = ", ".join(str(slot) for slot in target.endpoint.slots)
        raise InputError(f"'{target.name}' stands for several values; replace one of: {names}")
    return target.slot


def spread_feed(target: Target, value: Any, wiring: Wiring) -> dict[Slot, Any]:
    """The slots that a value given for a target fills.

    A node with several outputs takes its NamedTuple, or a mapping by port, for all or some of
    them; any other value is its first output.

    Raises:
        InputError: if the target cannot be given, the mapping names no port of the node, or a
            value is not what its port has.
    """
    filled = _spread(target, feedable_slot(target), value, wiring)
    for slot, part in filled.items():
        _check_value(slot, part, wiring)
    return filled


def _spread(target: Target, first: Slot, value: Any, wiring: Wiring) -> dict[Slot, Any]:
    call = wiring.calls.get(target.name)
    if call is None or len(call.outputs) < 2:
        return {first: value}
    ports = tuple(call.outputs)
    if isinstance(value, tuple) and getattr(value, "_fields", None) == ports:
        return dict(zip(call.slots, value, strict=True))
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        unknown = sorted(value.keys() - set(ports))
        if not unknown:
            return {Slot(call.path, port): part for port, part in value.items()}
        if value.keys() & set(ports) or not takes(call.outputs[ports[0]], value):
            listing = ", ".join(ports)
            raise InputError(f"'{call.path}' has no output '{unknown[0]}'; it has {listing}")
    return {first: value}


def _check_value(slot: Slot, value: Any, wiring: Wiring) -> None:
    point = wiring.inputs.get(slot.path)
    if point is not None and point.slot == slot and (point.convert or point.optional):
        return  # it is converted when it is read, and then refused with the reason; or left out
    wanted = wiring.type_of(slot)
    if not takes(wanted, value):
        kind, shown = type(value).__name__, describe(value)
        given = kind if shown in (kind, "nothing") else f"{kind} ({shown})"
        raise InputError(
            f"'{slot}' is {describe_type(wanted)}; a value of type {given} cannot be it"
        )
