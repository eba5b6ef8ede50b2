"""COCO's format of instances and keypoints (https://cocodataset.org/#format-data)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import FaultLog
from composer.data.json_file import read_json
from composer.data.metadata import Metadata, find_flip_pairs
from composer.data.readers.coco_document import (
    Category,
    have_masks,
    read_categories,
    read_records,
)
from composer.data.readers.image_files import ImageFiles
from composer.errors import DataError


def coco(
    *,
    annotations: Path,
    images: Path,
    keypoint_flip_pairs: list[tuple[str, str]] | None = None,
    unused_categories: tuple[int, ...] = (),
) -> Dataset:
    """Reads objects with boxes, masks and keypoints.

    Categories are numbered from 0 in the order of their ids.

    Args:
        annotations: the JSON file.
        images: the folder that file names are relative to.
        keypoint_flip_pairs: names of keypoints that change places in a mirror; by default those
            that differ in `left` and `right`, or in `l` and `r`, only.
        unused_categories: ids of categories that are no classes, such as the one that Roboflow
            puts before the classes.

    Raises:
        DataError: the file or the folder cannot be read.
    """
    log = FaultLog()
    document = read_json(annotations, ("images", "annotations", "categories"))
    first = document["annotations"][:1]
    if any(isinstance(entry, Mapping) and "segments_info" in entry for entry in first):
        raise DataError(f"{annotations}: it has panoptic segments, which 'coco_panoptic' reads")
    files = ImageFiles(images)
    listed = read_categories(document["categories"], log)
    categories = [one for one in listed if one.own_id not in unused_categories]
    metadata = _to_metadata(categories, keypoint_flip_pairs, annotations)
    found = read_records(document, files, categories, log, len(metadata.keypoint_names))
    records = tuple(record for record, _ in found)
    metadata = replace(metadata, has_masks=have_masks(document["annotations"]))
    return Dataset(annotations.stem, records, metadata, tuple(log.faults))


def _to_metadata(
    categories: list[Category], flip_pairs: list[tuple[str, str]] | None, file: Path
) -> Metadata:
    names, skeleton = _to_keypoints(categories, file)
    pairs = find_flip_pairs(names) if flip_pairs is None else _to_pairs(flip_pairs, names)
    return Metadata(
        thing_classes=tuple(category.name for category in categories),
        thing_ids=tuple(category.own_id for category in categories),
        keypoint_names=names,
        keypoint_flip_pairs=pairs,
        keypoint_connections=skeleton,
    )


def _to_keypoints(
    categories: list[Category], file: Path
) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """The keypoints' names and the lines between them; COCO counts those from 1."""
    having = [category for category in categories if category.entry.get("keypoints")]
    if not having:
        return (), ()
    for category in having:
        if not isinstance(category.entry["keypoints"], list):
            raise DataError(f"{file}: category '{category.name}' has keypoints that are no list")
    names = tuple(str(name) for name in having[0].entry["keypoints"])
    for other in having[1:]:
        if tuple(other.entry["keypoints"]) != names:
            raise DataError(
                f"{file}: categories '{having[0].name}' and '{other.name}' have different "
                "keypoints; all must have the same"
            )
    lines = having[0].entry.get("skeleton") or []
    try:
        return names, tuple((int(a) - 1, int(b) - 1) for a, b in lines)
    except (TypeError, ValueError, OverflowError):
        name = having[0].name
        raise DataError(f"{file}: the skeleton of category '{name}' is no list of pairs") from None


def _to_pairs(pairs: list[tuple[str, str]], names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    for name in (name for pair in pairs for name in pair):
        if name not in names:
            raise DataError(f"'keypoint_flip_pairs': there is no keypoint '{name}'")
    return tuple((names.index(a), names.index(b)) for a, b in pairs)
