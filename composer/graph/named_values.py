"""Values by name: outputs of nodes, inputs, and single maps of those, such as `backbone.p3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from composer.blueprint import AddressBook, Dependencies, Slot
from composer.errors import InputError, NameResolutionError
from composer.names import did_you_mean
from composer.node import plain


@dataclass(frozen=True)
class NamedValue:
    """A value of a graph.

    Args:
        slot: the slot that it fills.
        member: the key of one map in a value of several, such as `p3`; empty for the whole.
    """

    slot: Slot
    member: str = ""

    def __str__(self) -> str:
        return f"{self.slot}.{self.member}" if self.member else str(self.slot)

    def read(self, whole: Any) -> Any:
        """The value within that of the slot.

        Raises:
            NameResolutionError: if there is no such member.
        """
        if not self.member:
            return whole
        if not isinstance(whole, Mapping) or self.member not in whole:
            known = [str(key) for key in whole] if isinstance(whole, Mapping) else []
            hint = did_you_mean(self.member, known, "maps")
            raise NameResolutionError(f"'{self.slot}' has no '{self.member}'. {hint}".rstrip())
        return whole[self.member]

    def put(self, value: Any, whole: Any) -> Any:
        """The slot's value with another one in this place; the given one stays as it is."""
        return {**whole, self.member: value} if self.member else value

    def type_in(self, types: Dependencies) -> Any:
        """Its type: of a member, that of every value of the mapping."""
        whole = types.type_of(self.slot)
        return get_args(plain(whole))[1] if self.member else whole


def find_named_value(name: Any, book: AddressBook, types: Dependencies) -> NamedValue:
    """The value that a name means: of a node, its first output.

    Args:
        name: a node, a port, an input or a nested graph of one output, or a map of one of them.
        book: the names of the mode.
        types: the nodes and slots of the mode.

    Raises:
        NameResolutionError: if it means nothing or several things.
        InputError: if it is a tap or stands for several values.
    """
    try:
        target = book.resolve(name)
        if target.tap:
            raise InputError(
                f"'{target.name}': a tap can be read, not replaced or edited; edit its node, "
                f"'{target.slot.path}', or give the module inside a forward hook of PyTorch"
            )
        return NamedValue(target.fed_slot())
    except NameResolutionError:
        head, _, member = name.rpartition(".")
        slot = _find_mapping(head, book, types) if head and member else None
        if slot is None:
            raise
        return NamedValue(slot, member)


def _find_mapping(name: str, book: AddressBook, types: Dependencies) -> Slot | None:
    """The slot of a name whose values are mappings by text, if it is one."""
    try:
        target = book.resolve(name)
    except NameResolutionError:
        return None
    if target.tap or target.endpoint.gathers:
        return None
    kind = plain(types.type_of(target.slot))
    return target.slot if get_origin(kind) is dict and get_args(kind)[0] is str else None
