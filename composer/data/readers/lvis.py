"""LVIS (Gupta, Dollár, Girshick, CVPR 2019): COCO's images with a long tail of classes.

Its annotations are federated: on an image, a class counts only if it is annotated there or among
the image's negatives. A record's `extra` says which those are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.faults import FaultLog
from composer.data.json_file import read_json
from composer.data.json_values import as_integer, show_value
from composer.data.metadata import Metadata
from composer.data.readers.coco_document import (
    Category,
    Entry,
    have_masks,
    read_categories,
    read_records,
)
from composer.data.readers.image_files import ImageFiles
from composer.data.records import Record

_MOST_RARE, _MOST_COMMON = 10, 100  # images of a class that is rare or common


def lvis(*, annotations: Path, images: Path) -> Dataset:
    """Reads objects with boxes and masks, and the classes that are verified as absent.

    Args:
        annotations: the JSON file, of version 0.5 or 1.
        images: the folder that has the images, or COCO's folders (`train2017`, `val2017`) of them.

    Raises:
        DataError: the file or the folder cannot be read.
    """
    log = FaultLog()
    document = read_json(annotations, ("images", "annotations", "categories"), log)
    categories = read_categories(document["categories"], log)
    indices = {category.own_id: index for index, category in enumerate(categories)}
    records = tuple(
        replace(record, extra=_to_extra(entry, indices, record, log))
        for record, entry in read_records(document, ImageFiles(images), categories, log)
    )
    _check_frequencies(categories, log)
    metadata = replace(
        _to_metadata(categories, records), has_masks=have_masks(document["annotations"])
    )
    return Dataset(annotations.stem, records, metadata, tuple(log.faults))


def _to_extra(
    entry: Entry, indices: Mapping[int, int], record: Record, log: FaultLog
) -> dict[str, Any]:
    name = record.file_name.name
    return {
        ours: _renumber(entry, theirs, indices, name, log)
        for ours, theirs in (
            ("neg_categories", "neg_category_ids"),
            ("not_exhaustive_categories", "not_exhaustive_category_ids"),
        )
    }


def _renumber(
    entry: Entry, key: str, indices: Mapping[int, int], name: str, log: FaultLog
) -> tuple[int, ...]:
    """The indices of the categories of a list; those that the file does not have are left out."""
    given = entry.get(key) or []
    if not isinstance(given, list):
        log.add("malformed", f"'{key}' is a list of categories, not {show_value(given)}", name)
        return ()
    found = set()
    for value in given:
        own_id = as_integer(value)
        if own_id is None:
            message = f"'{key}' has {show_value(value)}, which is no id of a category"
            log.add("malformed", message, name)
        elif own_id in indices:
            found.add(indices[own_id])
    return tuple(sorted(found))


def _check_frequencies(categories: Sequence[Category], log: FaultLog) -> None:
    """Reports counts and frequencies that are none; the images of the file count then."""
    for category in categories:
        count, frequency = (category.entry.get(key) for key in ("image_count", "frequency"))
        place = f"category {category.own_id} '{category.name}'"
        counted = "the images of the file count"
        if count is not None and (as_integer(count) is None or count < 0):
            message = f"'image_count' is a whole number from 0, not {show_value(count)}"
            log.add("malformed", f"{message}; {counted}", entry=place)
        if frequency is not None and frequency not in ("r", "c", "f"):
            message = f"'frequency' is 'r', 'c' or 'f', not {show_value(frequency)}"
            log.add("malformed", f"{message}; {counted}", entry=place)


def _to_metadata(categories: Sequence[Category], records: Iterable[Record]) -> Metadata:
    present = Counter(
        category
        for record in records
        for category in {annotation.category for annotation in record.annotations}
    )
    told = [as_integer(category.entry.get("image_count")) for category in categories]
    counts = [
        present[index] if count is None or count < 0 else count for index, count in enumerate(told)
    ]
    return Metadata(
        thing_classes=tuple(category.name for category in categories),
        thing_ids=tuple(category.own_id for category in categories),
        image_counts=tuple(counts),
        frequencies=tuple(
            _to_frequency(category.entry.get("frequency"), count)
            for category, count in zip(categories, counts, strict=True)
        ),
    )


def _to_frequency(given: object, count: int) -> str:
    """How frequent a class is; where it is not said, by the number of its images."""
    if given in ("r", "c", "f"):
        return str(given)
    if count > _MOST_COMMON:
        return "f"
    return "c" if count > _MOST_RARE else "r"
