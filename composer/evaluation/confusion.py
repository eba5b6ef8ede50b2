"""The confusion matrix of a detector.

Legend: K classes, D detections and G objects of an image.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from composer.data import Annotation, Dataset
from composer.evaluation.detections import Detection, Detections
from composer.structures import Boxes, pairwise_ioa, pairwise_iou


def count_confusions(
    detections: Detections, *, min_score: float = 0.5, min_overlap: float = 0.5
) -> Int[np.ndarray, "K+1 K+1"]:
    """Counts objects by true class (row) and predicted class (column).

    Detections are matched to the objects that they overlap most, the most certain first, whatever
    their classes. The last column counts missed objects, the last row false positives. Crowds and
    difficult objects are ignored.

    Args:
        detections: the detections.
        min_score: confidence threshold.
        min_overlap: threshold of intersection over union for a match.
    """
    dataset = detections.dataset
    num_classes = len(dataset.metadata.thing_classes)
    counts = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
    for place, found in detections.by_image.items():
        certain = [one for one in found if one["score"] >= min_score]
        certain.sort(key=lambda one: -one["score"])
        for row, column in _pair(dataset, place, certain, min_overlap):
            counts[row, column] += 1
    return counts


def _pair(
    dataset: Dataset, place: int, found: Sequence[Detection], min_overlap: float
) -> list[tuple[int, int]]:
    """The true and the predicted class of each pair; -1 where there is none."""
    annotations = dataset.records[place].annotations
    objects = [one for one in annotations if not (one.is_crowd or one.is_difficult)]
    passed = [one for one in annotations if one.is_crowd or one.is_difficult]
    overlaps = pairwise_iou(_boxes_of(found), _true_boxes(objects)).numpy()
    covered = pairwise_ioa(_true_boxes(passed), _boxes_of(found)).numpy()
    pairs, left = [], set(range(len(objects)))
    for at, one in enumerate(found):
        best = max(left, key=lambda which: overlaps[at, which], default=None)
        if best is not None and overlaps[at, best] >= min_overlap:
            left.discard(best)
            pairs.append((objects[best].category, one["category_id"]))
        elif not _is_covered(covered[:, at], min_overlap):
            pairs.append((-1, one["category_id"]))
    return pairs + [(objects[which].category, -1) for which in left]


def _is_covered(shares: Float[np.ndarray, "_"], min_overlap: float) -> bool:
    return bool(shares.size and shares.max() >= min_overlap)


def _boxes_of(found: Sequence[Detection]) -> Boxes:
    rows = torch.tensor([one["bbox"] for one in found], dtype=torch.float64).reshape(-1, 4)
    return Boxes(torch.cat((rows[:, :2], rows[:, :2] + rows[:, 2:]), dim=1))


def _true_boxes(annotations: Sequence[Annotation]) -> Boxes:
    rows = torch.tensor([one.box for one in annotations], dtype=torch.float64)
    return Boxes(rows.reshape(-1, 4))
