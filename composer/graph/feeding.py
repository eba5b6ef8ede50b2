"""Which slots a given value fills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.blueprint import AddressBook, Dependencies, Slot, Target
from composer.errors import InputError
from composer.node import describe_type, takes
from composer.values import describe


def spread_feeds(
    feeds: Mapping[str, Any], book: AddressBook, types: Dependencies
) -> dict[Slot, Any]:
    """The slots that given values fill.

    Args:
        feeds: values by node or port.
        book: the names of the mode.
        types: the nodes and slots of the mode.

    Raises:
        NameResolutionError: if a name means nothing or several things.
        InputError: if something cannot be fed, or is fed twice.
    """
    filled: dict[Slot, Any] = {}
    for name, value in feeds.items():
        given = spread_feed(book.resolve(name), value, types)
        if twice := filled.keys() & given.keys():
            raise InputError(f"'{min(twice)}' is fed twice, the second time as '{name}'")
        filled.update(given)
    return filled


def spread_feed(target: Target, value: Any, types: Dependencies) -> dict[Slot, Any]:
    """The slots that a value given for a target fills.

    A node with several outputs takes its NamedTuple, or a mapping by port, for all or some of
    them; any other value is its first output.

    Raises:
        InputError: if the target cannot be given, the mapping names no port of the node, or a
            value is not what its port has.
    """
    filled = _spread(target, target.fed_slot(), value, types)
    for slot, part in filled.items():
        _check_value(slot, part, types)
    return filled


def _spread(target: Target, first: Slot, value: Any, types: Dependencies) -> dict[Slot, Any]:
    node = types.nodes.get(target.name)
    if node is None or len(node.outputs) < 2:
        return {first: value}
    ports = tuple(node.outputs)
    if isinstance(value, tuple) and getattr(value, "_fields", None) == ports:
        return dict(zip(node.slots, value, strict=True))
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        unknown = sorted(value.keys() - set(ports))
        if not unknown:
            return {Slot(node.path, port): part for port, part in value.items()}
        if value.keys() & set(ports) or not takes(node.outputs[ports[0]], value):
            listing = ", ".join(ports)
            raise InputError(f"'{node.path}' has no output '{unknown[0]}'; it has {listing}")
    return {first: value}


def _check_value(slot: Slot, value: Any, types: Dependencies) -> None:
    point = types.inputs.get(slot.path)
    if point is not None and point.slot == slot and (point.convert or point.optional):
        return  # it is converted when it is read, and then refused with the reason; or left out
    wanted = types.type_of(slot)
    if not takes(wanted, value):
        kind, shown = type(value).__name__, describe(value)
        given = kind if shown in (kind, "nothing") else f"{kind} ({shown})"
        raise InputError(
            f"'{slot}' is {describe_type(wanted)}; a value of type {given} cannot be it"
        )
