"""COCO's average precision of rotated boxes.

Legend: D detections, G objects, both of one class in one image.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from composer.evaluation.coco_scores import compare, score
from composer.evaluation.coco_truth import index_entries
from composer.evaluation.detections import ROTATED_KIND, Detections
from composer.evaluation.instance_evaluator import InstanceEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.rotated_truth import make_rotated_truth
from composer.structures import RotatedBoxes, pairwise_iou_rotated

ROTATED_TASK = ROTATED_KIND


class RotatedEvaluator(InstanceEvaluator):
    """COCO's average precision and recall, with the overlap of rotated boxes.

    The truth are the smallest boxes around the masks of a dataset's objects; an object without a
    mask has its upright box. Predicted boxes that are not rotated count as rotated by nothing.
    Difficult objects are neither to be found nor wrong to find.

    Args:
        dataset: images and annotations.
        detections: where what is found goes; see `InstanceEvaluator`.
    """

    def results(self) -> Results:
        """COCO's metrics for all classes, and for each."""
        metrics = measure_rotated(self.detections)
        return Results({ROTATED_TASK: metrics}, len(self.dataset.records))


def measure_rotated(detections: Detections, limits: Sequence[int] | None = None) -> TaskResults:
    """COCO's metrics of detections as rotated boxes.

    Args:
        detections: what was found.
        limits: how many detections in an image count; COCO's own by default.
    """
    dataset, order = detections.dataset, detections.index.order()
    truth, found = make_rotated_truth(dataset, order), _make_found(detections, order)
    scores = score(compare(truth, found, "bbox", limits=limits, kind=RotatedComparison))
    return scores.summarize("bbox", dataset.metadata.thing_classes)


class RotatedComparison(COCOeval):  # type: ignore[misc]
    """pycocotools' comparison, with boxes of a centre, a size and an angle."""

    def computeIoU(  # noqa: N802 - pycocotools' name
        self, image_id: int, category: int
    ) -> Float[np.ndarray, "D G"] | list[Any]:
        """The overlap of every detection (the best first) with every object.

        With a crowd it is the share of the detection that lies in it, as pycocotools has it.
        """
        truth, found = self._gts[image_id, category], self._dts[image_id, category]
        if not truth or not found:
            return []
        order = np.argsort([-one["score"] for one in found], kind="mergesort")
        best = RotatedBoxes([found[at]["bbox"] for at in order[: self.params.maxDets[-1]]])
        others = RotatedBoxes([one["bbox"] for one in truth])
        overlaps = pairwise_iou_rotated(best, others).numpy()
        own, of_others = best.area().numpy()[:, None], others.area().numpy()[None]
        shared = overlaps * (own + of_others) / (1 + overlaps)
        shares = np.divide(shared, own, out=np.zeros_like(shared), where=own > 0)
        return np.where([bool(one["iscrowd"]) for one in truth], shares, overlaps)


def _make_found(detections: Detections, order: Sequence[int]) -> COCO:
    """Detections as pycocotools' results, the images numbered by their place in `order`."""
    entries: list[dict[str, Any]] = []
    for image_id, place in enumerate(order):
        for detection in detections.by_image.get(place, ()):
            box = _as_rotated(detection["bbox"])
            entries.append(
                {
                    "id": len(entries) + 1,
                    "image_id": image_id,
                    "category_id": detection["category_id"],
                    "score": detection["score"],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    classes = range(len(detections.dataset.metadata.thing_classes))
    return index_entries(len(order), classes, entries)


def _as_rotated(box: list[float]) -> list[float]:
    if len(box) == 5:
        return box
    x, y, width, height = box
    return [x + width / 2, y + height / 2, width, height, 0.0]
