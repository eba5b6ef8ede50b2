"""The grid of settings: every combination of the values of some addresses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from composer.errors import InputError
from composer.tuning.value_lists import MAX_VALUES

Values = Mapping[str, Any]  # of one setting, by address


def make_grid(vary: Mapping[str, Sequence[Any]]) -> list[Values]:
    """All settings; the values of the last address change fastest.

    Args:
        vary: the values of each address; one that stands there twice counts once.

    Raises:
        InputError: there is no address, one has no values, or there are too many settings.
    """
    if not isinstance(vary, Mapping) or not vary:
        raise InputError("nothing is varied: give values by address")
    for address, values in vary.items():
        if not isinstance(address, str):
            raise InputError(f"an address is a text, not {type(address).__name__} {address!r:.40}")
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InputError(f"the values of '{address}' are a list, not {values!r:.40}")
    lists = {
        address: list({repr(value): value for value in values}.values())
        for address, values in vary.items()
    }
    for address, values in lists.items():
        if not values:
            raise InputError(f"'{address}' has no values")
    count = math.prod(len(values) for values in lists.values())
    if count > MAX_VALUES:
        raise InputError(f"the grid has {count} settings, which is more than {MAX_VALUES}")
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


def find_neighbours(grid: Sequence[Values], address: str) -> list[list[int]]:
    """Places of the settings that differ in nothing but the value of one address, in groups."""
    groups: dict[str, list[int]] = {}
    for place, values in enumerate(grid):
        rest = {other: value for other, value in values.items() if other != address}
        groups.setdefault(repr(rest), []).append(place)
    return list(groups.values())
