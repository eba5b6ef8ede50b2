"""Divides a dataset into parts: by chance from a seed, with the classes spread evenly."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from composer.data.dataset import Dataset
from composer.data.records import Record
from composer.errors import DataError, InputError

_ROOM = 0.5  # images that a part lacks if it is not full
FOLDER = "folder"  # the grouping by the folders of images


@dataclass(frozen=True)
class _Unit:
    """Images that stay together, and the number of them that has each class."""

    places: tuple[int, ...]
    counts: Mapping[int, int]


def read_parts(text: str) -> dict[str, float]:
    """Names and shares of parts: `train=0.8,val=0.2`.

    Raises:
        InputError: the text is of another form, or the shares are not above 0 with the sum 1.
    """
    parts: dict[str, float] = {}
    for word in text.split(","):
        name, _, share = word.partition("=")
        try:
            parts[name.strip()] = float(share)
        except ValueError:
            raise InputError(f"'{word}' is not NAME=SHARE, such as train=0.8,val=0.2") from None
    shares = list(parts.values())
    is_sum = math.isclose(sum(shares), 1.0, abs_tol=1e-6)
    if len(parts) < len(text.split(",")) or not is_sum or not all(share > 0 for share in shares):
        raise InputError(f"'{text}': the shares of different parts are above 0, and their sum is 1")
    return parts


def divide_dataset(
    dataset: Dataset,
    parts: Mapping[str, float],
    *,
    seed: int = 0,
    groups: Sequence[object] | None = None,
    stratified: bool = True,
) -> dict[str, Dataset]:
    """Divides the images of a dataset.

    With the images in the order of their ids, the same seed divides them in the same way on every
    machine. Classes are spread evenly, the rarest first, as in iterative stratification
    (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011).

    Args:
        dataset: the dataset.
        parts: the share of each part, which have the sum 1.
        seed: the seed.
        groups: for each image what it belongs to; images of one group stay together.
        stratified: whether classes are spread evenly.

    Raises:
        DataError: there are fewer images or groups than parts.
    """
    units = _make_units(dataset, groups, stratified)
    if len(units) < len(parts):
        what = "images" if groups is None else "groups of images"
        raise DataError(f"dataset '{dataset.name}' has {len(units)} {what} for {len(parts)} parts")
    random.Random(seed).shuffle(units)  # noqa: S311 - no secret
    chosen = _Division(units, parts).divide()
    return {
        name: replace(
            dataset,
            name=name,
            records=tuple(dataset.records[place] for place in sorted(chosen[name])),
        )
        for name in parts
    }


def find_groups(dataset: Dataset, group: str) -> list[object]:
    """What each image of a dataset belongs to.

    Args:
        dataset: the dataset.
        group: `folder`, or a regular expression that is searched for in the ids of images; its
            first group, or what it matches, is the group of an image.

    Raises:
        InputError: it is no regular expression, or does not match an id.
    """
    if group == FOLDER:
        return [record.file_name.parent for record in dataset]
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise InputError(f"'{group}' is no regular expression: {error}") from None
    found: list[object] = []
    for record in dataset:
        match = pattern.search(str(record.image_id))
        if match is None:
            raise InputError(f"'{group}' does not match the image '{record.image_id}'")
        found.append(match.group(1) if pattern.groups else match.group())
    return found


def _make_units(dataset: Dataset, groups: Sequence[object] | None, stratified: bool) -> list[_Unit]:
    order = sorted(range(len(dataset)), key=lambda place: _id_order(dataset[place]))
    places: dict[object, list[int]] = {}
    for place in order:
        places.setdefault(place if groups is None else groups[place], []).append(place)
    return [
        _Unit(tuple(own), _count_classes([dataset[place] for place in own]) if stratified else {})
        for own in places.values()
    ]


def _id_order(record: Record) -> tuple[bool, int, str]:
    image_id = record.image_id
    return (False, image_id, "") if isinstance(image_id, int) else (True, 0, image_id)


def _count_classes(records: Sequence[Record]) -> Counter[int]:
    """The number of images that have each class."""
    return Counter(c for record in records for c in {a.category for a in record.annotations})


class _Division:
    """Gives units to parts, each to the one that lacks most."""

    def __init__(self, units: Sequence[_Unit], parts: Mapping[str, float]) -> None:
        self._waiting = dict(enumerate(units))
        self._parts: dict[str, list[_Unit]] = {name: [] for name in parts}
        total = sum(len(unit.places) for unit in units)
        self._images = {name: share * total for name, share in parts.items()}
        classes = Counter[int]()
        for unit in units:
            classes.update(unit.counts)
        self._classes = {
            name: {one: share * count for one, count in classes.items()}
            for name, share in parts.items()
        }

    def divide(self) -> dict[str, list[int]]:
        """The places of the images of each part."""
        by_class: dict[int, set[int]] = {}
        for index, unit in self._waiting.items():
            for one in unit.counts:
                by_class.setdefault(one, set()).add(index)
        while by_class:
            rarest = min(by_class, key=lambda one: (len(by_class[one]), one))
            for index in sorted(by_class.pop(rarest)):
                for one in self._waiting[index].counts:
                    if one in by_class:
                        by_class[one].discard(index)
                self._give(index, rarest)
        for index in sorted(self._waiting):
            self._give(index, None)
        for name in self._parts:
            self._fill(name)
        return {
            name: [place for unit in units for place in unit.places]
            for name, units in self._parts.items()
        }

    def _give(self, index: int, one: int | None) -> None:
        """Gives a unit to the part, of those not full, that lacks most images of a class."""
        unit = self._waiting.pop(index)

        def lack(part: str) -> tuple[bool, float, float]:
            of_class = 0.0 if one is None else self._classes[part][one]
            return self._images[part] >= _ROOM, of_class, self._images[part]

        name = max(self._parts, key=lack)
        self._parts[name].append(unit)
        self._images[name] -= len(unit.places)
        for own, count in unit.counts.items():
            self._classes[name][own] -= count

    def _fill(self, name: str) -> None:
        """Gives a part that has nothing a unit of the part that has most."""
        if not self._parts[name]:
            largest = max(self._parts.values(), key=len)
            self._parts[name].append(largest.pop())
