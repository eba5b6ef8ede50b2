"""COCO's average precision of rotated boxes.

Legend: D detections, G objects, both of one class in one image.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from composer.data import Annotation, Dataset, Sample, make_rotated_boxes, to_outline
from composer.errors import InputError
from composer.evaluation.coco_scores import compare, score
from composer.evaluation.coco_truth import index_entries
from composer.evaluation.detections import ROTATED_KIND, Detections
from composer.evaluation.evaluator import InstanceEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.structures import RotatedBoxes, decode_mask, pairwise_iou_rotated

ROTATED_TASK = ROTATED_KIND


class RotatedEvaluator(InstanceEvaluator):
    """COCO's average precision and recall, with the overlap of rotated boxes.

    Ground truth are the smallest boxes around the masks of a dataset's objects; an object without
    a mask has its upright box. Predicted upright boxes have an angle of 0. Difficult objects are
    ignored.

    Args:
        dataset: images and annotations.
        detections: collects the detections; see `InstanceEvaluator`.
    """

    def results(self) -> Results:
        """COCO's metrics of all classes, and of each."""
        metrics = measure_rotated(self.detections)
        return Results({ROTATED_TASK: metrics}, len(self.dataset.records))


def measure_rotated(detections: Detections, limits: Sequence[int] | None = None) -> TaskResults:
    """COCO's metrics of detections as rotated boxes.

    Args:
        detections: the detections.
        limits: numbers of detections per image; COCO's own by default.
    """
    dataset, order = detections.dataset, detections.index.order()
    truth, found = make_rotated_truth(dataset, order), _make_found(detections, order)
    scores = score(compare(truth, found, "bbox", limits=limits, kind=RotatedComparison))
    return scores.summarize("bbox", dataset.metadata.thing_labels)


class RotatedComparison(COCOeval):  # type: ignore[misc]
    """pycocotools' comparison with the overlap of rotated boxes."""

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

    def describe(place: int) -> Iterator[dict[str, Any]]:
        for detection in detections.by_image.get(place, ()):
            box = _as_rotated(detection["bbox"])
            yield {
                "category_id": detection["category_id"],
                "score": detection["score"],
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }

    return index_entries(detections.dataset, order, describe)


def _as_rotated(box: list[float]) -> list[float]:
    if len(box) == 5:
        return box
    x, y, width, height = box
    return [x + width / 2, y + height / 2, width, height, 0.0]


def make_rotated_truth(dataset: Dataset, order: Sequence[int]) -> COCO:
    """The objects of a dataset as pycocotools' ground truth, each in its smallest box.

    They are the boxes that `rotated_boxes: true` trains on: fitted to masks, and upright where
    there is none. Difficult objects are passed over.

    Args:
        dataset: the dataset.
        order: positions of the images, which are numbered by it.
    """

    def describe(place: int) -> Iterator[dict[str, Any]]:
        for annotation in dataset.records[place].annotations:
            box = fit_annotation(annotation)
            yield {
                "category_id": annotation.category,
                "bbox": box,
                # Beyond every range of sizes, which pycocotools passes over.
                "area": math.inf if annotation.is_difficult else box[2] * box[3],
                "iscrowd": int(annotation.is_crowd),
            }

    return index_entries(dataset, order, describe)


def fit_annotation(annotation: Annotation) -> list[float]:
    """The rotated box of an object: centre x, centre y, width, height, degrees.

    It is that of the dataset or, where it has none, the smallest around the object's mask.
    """
    if annotation.rotated_box is not None:
        return list(annotation.rotated_box)
    given = annotation.segmentation
    boxes = torch.tensor([annotation.box], dtype=torch.float64)
    categories = torch.tensor([annotation.category])
    if isinstance(given, Mapping):
        try:
            mask = torch.from_numpy(decode_mask(given))[None]
        except ValueError as error:
            raise InputError(f"a mask cannot be used: {error}") from error
        sample = Sample(_blank(*mask.shape[1:]), boxes, categories, bit_masks=mask)
    else:
        outline = to_outline(given)
        sample = Sample(_blank(1, 1), boxes, categories, outlines=(outline,) if outline else None)
    return [float(value) for value in make_rotated_boxes(sample).tensor[0]]


def _blank(height: int, width: int) -> torch.Tensor:
    """An image whose size alone counts; it takes no memory."""
    return torch.zeros(1, 1, 1, dtype=torch.uint8).expand(3, height, width)
