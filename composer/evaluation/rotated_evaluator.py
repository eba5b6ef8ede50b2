"""COCO's average precision of rotated boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from composer.errors import InputError
from composer.evaluation.coco_scores import compare, score
from composer.evaluation.coco_truth import index_entries
from composer.evaluation.detections import check_pairs, read_instances
from composer.evaluation.gathering import gather_parts
from composer.evaluation.results import Results
from composer.structures import Boxes, Instances, RotatedBoxes, pairwise_iou_rotated

ROTATED_TASK = "rotated_bbox"

_Entry = dict[str, Any]


class RotatedEvaluator:
    """COCO's average precision and recall, with the overlap of rotated boxes.

    The truth comes with the batches: `instances` with `gt_boxes` and `gt_classes`, in pixels of
    the image in the record, scaled to the record's `height` and `width`. Boxes that are not
    rotated count as rotated by nothing.

    Args:
        classes: names of the classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._images: dict[int | str, tuple[list[_Entry], list[_Entry]]] = {}

    def process(
        self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Takes in the truth of a batch and what was found.

        Raises:
            InputError: a record has no ground truth or no `image_id`, or an output no instances.
        """
        check_pairs(inputs, outputs)
        for record, output in zip(inputs, outputs, strict=True):
            for key in ("image_id", "instances"):
                if key not in record:
                    raise InputError(f"a record has no '{key}'; it has {', '.join(record)}")
            found = read_instances(output)
            truth = _scale_to(record["instances"], found.image_size)
            self._images[record["image_id"]] = (
                _describe(truth, record["instances"].gt_classes.tolist()),
                _describe(found.pred_boxes, found.pred_classes.tolist(), found.scores.tolist()),
            )

    def gather(self) -> None:
        """Brings together, on the first process, what all processes took in."""
        for images in gather_parts(self._images):
            self._images.update(images)

    def results(self) -> Results:
        """COCO's figures for all classes, and for each."""
        scores = score(compare(self._index(0), self._index(1), "bbox", kind=RotatedComparison))
        return Results({ROTATED_TASK: scores.summarize("bbox", self._classes)}, len(self._images))

    def _index(self, side: int) -> COCO:
        entries: list[_Entry] = []
        for image_id, key in enumerate(sorted(self._images, key=str)):
            for entry in self._images[key][side]:
                entries.append({"id": len(entries) + 1, "image_id": image_id, **entry})
        return index_entries(len(self._images), range(len(self._classes)), entries)


class RotatedComparison(COCOeval):  # type: ignore[misc]
    """pycocotools' comparison, with boxes of a centre, a size and an angle."""

    def computeIoU(self, image_id: int, category: int) -> Any:  # noqa: N802 - pycocotools' name
        """The overlap of every detection (the best first) with every object."""
        truth, found = self._gts[image_id, category], self._dts[image_id, category]
        if not truth or not found:
            return []
        order = np.argsort([-one["score"] for one in found], kind="mergesort")
        best = [found[at]["bbox"] for at in order[: self.params.maxDets[-1]]]
        others = [one["bbox"] for one in truth]
        return pairwise_iou_rotated(RotatedBoxes(best), RotatedBoxes(others)).numpy()


def _scale_to(instances: Instances, size: tuple[int, int]) -> RotatedBoxes:
    """The true boxes, in pixels of an output of that (height, width)."""
    boxes = instances.gt_boxes
    rotated = RotatedBoxes.from_boxes(boxes) if isinstance(boxes, Boxes) else boxes
    height, width = instances.image_size
    return rotated.scale(size[1] / width, size[0] / height)


def _describe(
    boxes: RotatedBoxes, classes: Sequence[int], scores: Sequence[float] | None = None
) -> list[_Entry]:
    """Boxes in pycocotools' terms; true ones have no score."""
    return [
        {
            "bbox": row,
            "category_id": category,
            "score": certainty,
            "area": row[2] * row[3],
            "iscrowd": 0,
        }
        for row, category, certainty in zip(
            boxes.tensor.tolist(), classes, scores or [math.nan] * len(classes), strict=True
        )
    ]
