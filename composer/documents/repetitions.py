"""Finds values that one section of settings sets twice, in two spellings of one address."""

from __future__ import annotations

from composer.documents.places import Place
from composer.documents.problems import ProblemLog


class Repetitions:
    """The values that were set, and where.

    Of `set: {head.width: 1, head: {width: 2}}` only one could count, as of a key that a mapping has
    twice. A later document, or a later option, sets anew what an earlier one has set.

    Args:
        log: takes what is set twice.
    """

    def __init__(self, log: ProblemLog) -> None:
        self._log = log
        self._first: dict[tuple[Place, str, str], Place] = {}

    def note(self, address: str, section: Place | None, place: Place) -> None:
        """Notes a problem if the section has set the value before.

        Args:
            address: the full address of the value.
            section: the section; None for a setting that may come again.
            place: where the setting stands.
        """
        if section is None:
            return
        first = self._first.setdefault((section, place.source, address), place)
        if first != place:
            self._log.add(place, f"'{address}' is set twice: {first} sets it, too")
