"""Annotations and detections as pycocotools' ground truth and results."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pycocotools.coco import COCO

from composer.data import Annotation, Dataset, Record
from composer.errors import InputError
from composer.evaluation.detections import Detection
from composer.evaluation.image_index import find_image_size
from composer.structures import encode_segmentation, measure_mask

CocoTask = Literal["bbox", "segm", "boundary", "keypoints"]

_LARGEST_SIDE = 2**14  # pixels of an image of unknown size

# The key of a detection that each task compares.
TASK_KINDS: dict[CocoTask, str] = {
    "bbox": "bbox",
    "segm": "segmentation",
    "boundary": "segmentation",
    "keypoints": "keypoints",
}


def make_truth(
    dataset: Dataset,
    order: Sequence[int],
    task: CocoTask,
    sizes: Mapping[int, tuple[int, int]],
) -> COCO:
    """The annotations of a dataset as pycocotools' ground truth for one task.

    Images are numbered by their place in `order` and categories as in the dataset's metadata.
    Areas and crowds are those of the dataset. Difficult objects are ignored, and where masks are
    compared, those without one.

    Args:
        dataset: the dataset.
        order: positions of the images.
        task: the task.
        sizes: (height, width) by position, of images that the dataset has no size of.
    """

    def describe(place: int) -> Iterator[dict[str, Any]]:
        record = dataset.records[place]
        size = _find_size(record, sizes.get(place)) if _compares_masks(task) else None
        for annotation in record.annotations:
            entry = _describe(annotation, task, size)
            if entry is not None:
                yield entry

    return index_entries(dataset, order, describe)


def make_found(
    dataset: Dataset,
    order: Sequence[int],
    task: CocoTask,
    by_image: Mapping[int, Sequence[Detection]],
) -> COCO:
    """Detections as pycocotools' results for one task, numbered like `make_truth`'s.

    A mask counts as large or small by its own pixels, a box or keypoints by the box.
    """

    def describe(place: int) -> Iterator[dict[str, Any]]:
        for detection in by_image.get(place, ()):
            if TASK_KINDS[task] in detection:
                yield {"iscrowd": 0, **detection, "area": _measure(detection, task)}

    return index_entries(dataset, order, describe)


def _compares_masks(task: CocoTask) -> bool:
    return TASK_KINDS[task] == "segmentation"


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppresses what pycocotools prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _find_size(record: Record, known: tuple[int, int] | None) -> tuple[int, int]:
    """An image's (height, width); of one that cannot be read, room for all its masks.

    Such an image has no detections, so that no mask is compared with those of its objects.
    """
    try:
        return find_image_size(record, known)
    except InputError:
        given = [one.segmentation for one in record.annotations if one.segmentation is not None]
        encoded = [tuple(each["size"]) for each in given if isinstance(each, Mapping)]
        outlines = [part for each in given if not isinstance(each, Mapping) for part in each]
        widths = [math.ceil(max(part[0::2], default=1)) for part in outlines]
        heights = [math.ceil(max(part[1::2], default=1)) for part in outlines]
        room = max(encoded, default=(max(heights, default=1), max(widths, default=1)))
        return min(room[0], _LARGEST_SIDE), min(room[1], _LARGEST_SIDE)


def _describe(
    annotation: Annotation, task: CocoTask, size: tuple[int, int] | None
) -> dict[str, Any] | None:
    """An annotation in COCO's format, or None if the task does not compare it."""
    x0, y0, x1, y1 = annotation.box
    entry: dict[str, Any] = {
        "category_id": annotation.category,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": annotation.size,
        "iscrowd": int(annotation.is_crowd),
    }
    if _compares_masks(task):
        if annotation.segmentation is None or size is None:
            return None
        try:
            entry["segmentation"] = encode_segmentation(annotation.segmentation, *size)
        except ValueError as error:
            named = "" if annotation.annotation_id is None else f" {annotation.annotation_id}"
            raise InputError(f"the mask of annotation{named} cannot be used: {error}") from error
        if annotation.area is None:
            entry["area"] = float(measure_mask(entry["segmentation"]))
    if task == "keypoints":
        points = list(annotation.keypoints or ())
        entry["keypoints"] = points
        entry["num_keypoints"] = sum(visibility > 0 for visibility in points[2::3])
    if annotation.is_difficult:
        _ignore(entry, task)
    return entry


def _ignore(entry: dict[str, Any], task: CocoTask) -> None:
    """Makes pycocotools ignore an object, and detections of it.

    pycocotools has such a mark for crowds only, which overlap by other rules. It also ignores
    objects beyond its ranges of sizes, and objects without keypoints.
    """
    if task == "keypoints":
        entry["num_keypoints"] = 0
    else:
        entry["area"] = math.inf


def _measure(detection: Detection, task: CocoTask) -> float:
    """A detection's area in square pixels, as in pycocotools' reader of results."""
    if _compares_masks(task):
        return float(measure_mask(detection["segmentation"]))
    width, height = detection["bbox"][2:4]  # a rotated box has an angle besides
    return float(width * height)


def index_entries(
    dataset: Dataset, order: Sequence[int], describe: Callable[[int], Iterable[dict[str, Any]]]
) -> COCO:
    """Annotations or results in COCO's format, indexed as pycocotools expects them.

    Args:
        dataset: the dataset; its classes are the categories, by their contiguous numbers.
        order: positions of the images, which are numbered from 0 in this order.
        describe: from an image's position to its entries, with the area of each.
    """
    entries = [
        {"image_id": image_id, **entry}
        for image_id, place in enumerate(order)
        for entry in describe(place)
    ]
    coco = COCO()
    coco.dataset = {
        # Masks are encoded already, so that nobody needs the images' sizes.
        "images": [{"id": image_id, "height": 0, "width": 0} for image_id in range(len(order))],
        "categories": [{"id": number} for number in range(len(dataset.metadata.thing_classes))],
        # 0 stands for "matched with nothing" in pycocotools, so ids begin with 1.
        "annotations": [{"id": number, **entry} for number, entry in enumerate(entries, 1)],
    }
    with silence():
        coco.createIndex()
    return coco
