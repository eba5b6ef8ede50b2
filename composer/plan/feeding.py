"""Which slots a given value fills."""

from __future__ import annotations

from typing import Any

from composer.errors import InputError
from composer.plan.addressing import Target
from composer.plan.wiring import Slot, Wiring


def spread_feed(target: Target, value: Any, wiring: Wiring) -> dict[Slot, Any]:
    """The slots that a value given for a target fills.

    A node with several outputs takes its NamedTuple, or a mapping by port, for all or some of
    them; any other value is its first output.

    Raises:
        InputError: if the target cannot be given, or the mapping names no port of the node.
    """
    if target.tap:
        raise InputError(f"'{target.name}': a tap can be read, not replaced; replace its node")
    if target.endpoint.gathers:
        names = ", ".join(str(slot) for slot in target.endpoint.slots)
        raise InputError(f"'{target.name}' stands for several values; replace one of: {names}")
    call = wiring.calls.get(target.name)
    if call is None or len(call.outputs) < 2:
        return {target.slot: value}
    ports = tuple(call.outputs)
    if isinstance(value, tuple) and getattr(value, "_fields", None) == ports:
        return dict(zip(call.slots, value, strict=True))
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        unknown = sorted(value.keys() - set(ports))
        if not unknown:
            return {Slot(call.path, port): part for port, part in value.items()}
        if value.keys() & set(ports):
            listing = ", ".join(ports)
            raise InputError(f"'{call.path}' has no output '{unknown[0]}'; it has {listing}")
    return {target.slot: value}
