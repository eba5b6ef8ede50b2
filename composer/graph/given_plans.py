"""Plans that users pass back to a run: they are for certain feeds and edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.blueprint import Plan, Slot
from composer.errors import InputError


def check_given(plan: Plan, fed: Mapping[Slot, Any], edits: Mapping[Slot, Any]) -> None:
    """Makes sure that a plan was made for these feeds and edits.

    Raises:
        InputError: if it was not.
    """
    if (fed or plan.feeds) and fed.keys() != set(plan.feeds):
        wanted, given = (", ".join(map(str, slots)) or "nothing" for slots in (plan.feeds, fed))
        raise InputError(f"the plan was made for feeds of {wanted}; fed are: {given}")
    if plan.edits and edits.keys() - set(plan.feeds) != set(plan.edits):
        wanted, given = (", ".join(map(str, each)) or "nothing" for each in (plan.edits, edits))
        raise InputError(f"the plan was made for edits of {wanted}; edited are: {given}")
