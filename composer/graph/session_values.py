"""The values that a session has, and what becomes stale when one of them changes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx

from composer.blueprint import Slot
from composer.dag import affected
from composer.graph.edits import NO_EDITS, Edits


class SessionValues:
    """Values by slot: computed, edited or replaced.

    Args:
        graph: the slots and nodes of the mode; edges go from what is needed to what needs it.

    Attributes:
        values: what the slots have, after edits.
        originals: what edited slots had before their edits.
        overrides: the slots whose values were replaced.
        edits: the edits that the values have, or will have when they are computed.
        taps: what taps saw, by `path:module`.
    """

    def __init__(self, graph: nx.DiGraph[Slot | str]) -> None:
        self._graph = graph
        self.values: dict[Slot, Any] = {}
        self.originals: dict[Slot, Any] = {}
        self.overrides: set[Slot] = set()
        self.edits: Edits = NO_EDITS
        self.taps: dict[str, Any] = {}

    @property
    def known(self) -> dict[Slot, None]:
        """The slots that need not be computed: an edited one may have its original only."""
        return dict.fromkeys([*self.values, *self.originals])

    def fork(self) -> SessionValues:
        """A second set that begins with the same values."""
        made = copy.copy(self)
        for name in ("values", "originals", "overrides", "taps"):
            setattr(made, name, copy.copy(getattr(self, name)))
        return made

    def replace(self, given: Mapping[Slot, Any]) -> None:
        """Puts other values in place of those of slots, which are not edited then."""
        self.forget_dependents(given)
        for slot, part in given.items():
            self._forget(slot)
            self.values[slot] = part
        self.overrides.update(given)
        self.edits = self.without_overrides(self.edits)

    def hold(self, slots: Iterable[Slot]) -> None:
        """Counts values as replaced, as they are."""
        for slot in slots:
            self.overrides.add(slot)
            self.originals.pop(slot, None)
        self.edits = self.without_overrides(self.edits)

    def restore(self, slots: Iterable[Slot]) -> None:
        """Takes replacements back."""
        slots = tuple(slots)
        self.forget_dependents(slots)
        for slot in slots:
            self.overrides.discard(slot)
            self._forget(slot)

    def adopt(self, edits: Edits) -> None:
        """Brings the values to other edits: originals stay, what depends on a change goes."""
        for slot in dict.fromkeys([*edits, *self.edits]):
            if edits.get(slot) != self.edits.get(slot):
                self._change_edits(slot, is_edited=slot in edits)
        self.edits = edits

    def without_overrides(self, edits: Edits) -> Edits:
        """The edits of slots whose values are not replaced."""
        return {slot: each for slot, each in edits.items() if slot not in self.overrides}

    def forget_dependents(self, slots: Iterable[Slot]) -> None:
        """Forgets what depends on slots."""
        stale = affected(self._graph, slots, self.overrides)
        for vertex in stale:
            if isinstance(vertex, Slot):
                self._forget(vertex)
        self.taps = {
            name: value for name, value in self.taps.items() if name.partition(":")[0] not in stale
        }

    def _change_edits(self, slot: Slot, *, is_edited: bool) -> None:
        self.forget_dependents([slot])
        if slot in self.values and slot not in self.edits:
            self.originals[slot] = self.values[slot]
        self.values.pop(slot, None)
        if slot in self.originals and not is_edited:
            self.values[slot] = self.originals.pop(slot)

    def _forget(self, slot: Slot) -> None:
        self.values.pop(slot, None)
        self.originals.pop(slot, None)
