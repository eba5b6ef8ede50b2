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
    document = read_json(annotations, ("images", "annotations", "categories"))
    categories = read_categories(document["categories"], log)
    indices = {category.own_id: index for index, category in enumerate(categories)}
    records = tuple(
        replace(record, extra=_to_extra(entry, indices))
        for record, entry in read_records(document, ImageFiles(images), categories, log)
    )
    metadata = replace(
        _to_metadata(categories, records), has_masks=have_masks(document["annotations"])
    )
    return Dataset(annotations.stem, records, metadata, tuple(log.faults))


def _to_extra(entry: Entry, indices: Mapping[int, int]) -> dict[str, Any]:
    return {
        "neg_categories": _renumber(entry.get("neg_category_ids"), indices),
        "not_exhaustive_categories": _renumber(entry.get("not_exhaustive_category_ids"), indices),
    }


def _renumber(own_ids: object, indices: Mapping[int, int]) -> tuple[int, ...]:
    known = own_ids if isinstance(own_ids, Sequence) else ()
    numbers = (own_id for own_id in known if isinstance(own_id, int))
    return tuple(sorted(indices[own_id] for own_id in numbers if own_id in indices))


def _to_metadata(categories: Sequence[Category], records: Iterable[Record]) -> Metadata:
    present = Counter(
        category
        for record in records
        for category in {annotation.category for annotation in record.annotations}
    )
    told = [category.entry.get("image_count") for category in categories]
    counts = [
        count if isinstance(count, int) else present[index] for index, count in enumerate(told)
    ]
    return Metadata(
        thing_classes=tuple(category.name for category in categories),
        thing_ids=tuple(category.own_id for category in categories),
        image_counts=tuple(counts),
        frequencies=tuple(
            str(category.entry.get("frequency", _frequency(count)))
            for category, count in zip(categories, counts, strict=True)
        ),
    )


def _frequency(count: int) -> str:
    if count > _MOST_COMMON:
        return "f"
    return "c" if count > _MOST_RARE else "r"
