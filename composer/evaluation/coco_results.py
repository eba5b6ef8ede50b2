"""Files of detections in COCO's results format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.data import (
    Dataset,
    Record,
    are_numbers,
    as_integer,
    describe_missing_id,
    is_empty,
    read_entries,
    show_value,
    to_id,
    to_number,
    to_run_lengths,
    to_segmentation,
)
from composer.errors import DataError, InputError
from composer.evaluation.detections import ROTATED_KIND, Detection, Detections
from composer.evaluation.image_index import find_image_size
from composer.files import write_json
from composer.structures import (
    RunLengths,
    compress_run_lengths,
    encode_segmentation,
    find_mask_box,
)

_MAX_LISTED = 12  # categories
_KINDS = ("bbox", "segmentation", "keypoints")
_WANTED = f"an 'image_id', a 'category_id', a 'score' and some of {', '.join(_KINDS)}"


def write_results(path: str | os.PathLike[str], detections: Detections) -> None:
    """Writes detections with the dataset's own ids, as servers of COCO's kind take them."""
    write_json(path, detections.to_coco())


def read_results(path: str | os.PathLike[str], dataset: Dataset) -> Detections:
    """Reads detections in the images of a dataset.

    Where an entry has no box, it is the box around its mask or its keypoints. A box of five numbers
    is a rotated one. Masks are run lengths or polygons; empty ones count as absent.

    Args:
        path: the file.
        dataset: the dataset, whose ids the file has.

    Raises:
        InputError: the file cannot be read, or an entry is malformed or of an image or a category
            that the dataset does not have.
    """
    found = Detections(dataset)
    numbers = {own: number for number, own in enumerate(dataset.metadata.thing_ids)}
    classes = dataset.metadata.thing_classes

    def read(entry: Mapping[str, Any]) -> tuple[int, Detection, set[str]]:
        place = found.index.find_id(to_id(entry["image_id"], "image_id"))
        detection, kinds = _read_entry(entry, numbers, classes, dataset[place])
        return place, detection, kinds

    try:
        entries = read_entries(Path(path), read, _WANTED)
    except DataError as error:
        raise InputError(str(error)) from error
    for place, detection, kinds in entries:
        found.by_image.setdefault(place, []).append(detection)
        if "segmentation" in detection:
            found.sizes.setdefault(place, tuple(detection["segmentation"]["size"]))
        found.kinds |= kinds
    return found


def _read_entry(
    entry: Mapping[str, Any], numbers: Mapping[int, int], classes: Sequence[str], record: Record
) -> tuple[Detection, set[str]]:
    """The detection of an entry, and the kinds of its parts; those that are empty are absent."""
    score = to_number(entry["score"], "score")
    category = numbers[_find_category(entry, numbers, classes)]
    detection: Detection = {"category_id": category, "score": score}
    kinds = set()
    if not is_empty(mask := entry.get("segmentation")):
        detection["segmentation"] = _read_mask(mask, record)
        kinds.add("segmentation")
    if keypoints := entry.get("keypoints"):
        detection["keypoints"] = _read_keypoints(keypoints)
        kinds.add("keypoints")
    if bbox := entry.get("bbox"):
        detection["bbox"] = _read_box(bbox)
        kinds.add("bbox" if len(bbox) == 4 else ROTATED_KIND)
    elif "segmentation" in detection:
        detection["bbox"] = find_mask_box(detection["segmentation"])
    elif "keypoints" in detection:
        detection["bbox"] = _surround(detection["keypoints"])
    else:
        raise InputError(f"it has none of {', '.join(_KINDS)}")
    return detection, kinds


def _find_category(
    entry: Mapping[str, Any], numbers: Mapping[int, int], classes: Sequence[str]
) -> int:
    given = entry["category_id"]
    own = as_integer(given)
    if own is not None and own in numbers:
        return own
    hint = describe_missing_id(given, numbers)
    if not hint and given in classes:
        hint = f"That of this name is {list(numbers)[classes.index(given)]}."
    if not hint:
        known = list(numbers)[:_MAX_LISTED]
        more = ", ..." if len(numbers) > _MAX_LISTED else ""
        hint = f"Categories: {', '.join(map(str, known))}{more}."
    raise InputError(f"the dataset has no category with the id {show_value(given)}. {hint}")


def _read_mask(mask: object, record: Record) -> RunLengths:
    """The run lengths of a mask; polygons are filled as pycocotools does it."""
    if isinstance(mask, Mapping):
        return compress_run_lengths(to_run_lengths(mask, record.height, record.width))
    height, width = find_image_size(record)
    polygons = to_segmentation(mask, height, width)
    return encode_segmentation(polygons, height, width)


def _read_box(bbox: object) -> list[float]:
    if not are_numbers(bbox):
        raise InputError(f"'bbox' is the numbers x, y, width, height, not {show_value(bbox)}")
    box = [float(value) for value in bbox]
    if len(box) not in (4, 5):
        raise InputError(f"a box has four numbers, or five with an angle, not {len(box)}")
    if min(box[2:4]) < 0:
        raise InputError(
            f"a box has no negative width or height: 'bbox' is x, y, width, height, not {box}"
        )
    return box


def _read_keypoints(keypoints: object) -> list[float]:
    if not are_numbers(keypoints) or len(keypoints) % 3:
        raise InputError(
            "'keypoints' is a flat list of numbers x, y, score of each keypoint, not "
            f"{show_value(keypoints)}"
        )
    return [float(value) for value in keypoints]


def _surround(keypoints: Sequence[float]) -> list[float]:
    x, y = keypoints[0::3], keypoints[1::3]
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]
