"""Files of detections in COCO's results format."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.data import Dataset, Record, read_entries, to_run_lengths
from composer.errors import DataError, InputError
from composer.evaluation.detections import ROTATED_KIND, Detection, Detections
from composer.files import write_json
from composer.names import did_you_mean
from composer.structures import compress_run_lengths, find_mask_box

_KINDS = ("bbox", "segmentation", "keypoints")
_WANTED = f"an 'image_id', a 'category_id', a 'score' and some of {', '.join(_KINDS)}"


def write_results(path: str | os.PathLike[str], detections: Detections) -> None:
    """Writes detections with the dataset's own ids, as servers of COCO's kind take them."""
    write_json(path, detections.to_coco())


def read_results(path: str | os.PathLike[str], dataset: Dataset) -> Detections:
    """Reads detections in the images of a dataset.

    Where an entry has no box, it is the box around its mask or its keypoints. A box of five numbers
    is a rotated one.

    Args:
        path: the file.
        dataset: the dataset, whose ids the file has.

    Raises:
        InputError: the file cannot be read, or an entry is malformed or of an image or a category
            that the dataset does not have.
    """
    found = Detections(dataset)
    numbers = {own: number for number, own in enumerate(dataset.metadata.thing_ids)}

    def read(entry: Mapping[str, Any]) -> tuple[int, Detection, set[str]]:
        place = found.index.find_id(entry["image_id"])
        detection = _read_entry(entry, numbers, dataset[place])
        kinds = {kind for kind in _KINDS if kind in entry}
        if len(detection["bbox"]) == 5:
            kinds = kinds - {"bbox"} | {ROTATED_KIND}
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


def _read_entry(entry: Mapping[str, Any], numbers: Mapping[int, int], record: Record) -> Detection:
    own = entry["category_id"]
    if own not in numbers:
        hint = did_you_mean(str(own), map(str, numbers), "categories")
        raise InputError(f"the dataset has no category with the id {own!r}. {hint}")
    detection: Detection = {"category_id": numbers[own], "score": float(entry["score"])}
    if "segmentation" in entry:
        mask = to_run_lengths(dict(entry["segmentation"]), record.height, record.width)
        detection["segmentation"] = compress_run_lengths(mask)
    if "keypoints" in entry:
        detection["keypoints"] = [float(value) for value in entry["keypoints"]]
    detection["bbox"] = _find_box(entry, detection)
    if not all(map(math.isfinite, (detection["score"], *detection["bbox"]))):
        raise InputError("its score and its box are to be finite numbers")
    if min(detection["bbox"][2:4]) < 0:
        raise InputError("a box has no negative width or height")
    return detection


def _find_box(entry: Mapping[str, Any], detection: Detection) -> list[float]:
    if entry.get("bbox"):
        box = [float(value) for value in entry["bbox"]]
        if len(box) not in (4, 5):
            raise InputError(f"a box has four numbers, or five with an angle, not {len(box)}")
        return box
    if "segmentation" in detection:
        return find_mask_box(detection["segmentation"])
    if "keypoints" in detection:
        return _surround(detection["keypoints"])
    raise InputError(f"it has none of {', '.join(_KINDS)}")


def _surround(keypoints: Sequence[float]) -> list[float]:
    x, y = keypoints[0::3], keypoints[1::3]
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]
