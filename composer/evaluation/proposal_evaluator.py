"""Average recall of class-agnostic proposals.

Legend: P proposals, the best first; G objects.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from composer.data import Dataset
from composer.evaluation.detections import check_size, read_instances
from composer.evaluation.evaluator import ImageEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.structures import Boxes, pairwise_iou

PROPOSAL_TASK = "proposals"

_OVERLAPS = np.arange(0.5, 1.0, 0.05)
_SIZES = {"": (0, math.inf), "s": (0, 32**2), "m": (32**2, 96**2), "l": (96**2, math.inf)}


class _Coverage(NamedTuple):
    """The proposals of an image, and how well they cover its objects.

    Args:
        areas: of the objects.
        overlaps: by limit, the overlap of each object with its own proposal.
        proposals: a box (XYXY in pixels) and a logit in each row.
    """

    areas: Float[np.ndarray, "G"]
    overlaps: dict[int, Float[np.ndarray, "G"]]
    proposals: Float[np.ndarray, "P 5"]


class ProposalEvaluator(ImageEvaluator[_Coverage]):
    """Average recall of proposals (Hosang et al. 2015): `AR100`, `ARs100`, `AR1000`, ...

    Each proposal covers one object, the best pairs first; recall is the share of objects that are
    covered, averaged over overlaps from 0.5 to 0.95. Crowds and difficult objects do not count.

    Args:
        dataset: images and annotations.
        limits: numbers of proposals per image.
    """

    def __init__(self, dataset: Dataset, *, limits: Sequence[int] = (100, 1000)) -> None:
        super().__init__(dataset)
        self._limits = tuple(limits)

    def _compare(self, place: int, output: Mapping[str, Any]) -> _Coverage:
        """Compares proposals: `proposal_boxes` and `objectness_logits`."""
        proposals = read_instances(output, "proposals")
        check_size(self.dataset.records[place], proposals.image_size)
        best_first = proposals.objectness_logits.argsort(descending=True, stable=True)
        boxes, logits = proposals.proposal_boxes.tensor, proposals.objectness_logits[:, None]
        return self._cover(place, torch.cat((boxes, logits), dim=1)[best_first].float().cpu())

    def to_coco(self) -> list[dict[str, Any]]:
        """The proposals in COCO's results format, the score being the logit of objectness.

        `proposals` of a data file reads this format, for training Fast R-CNN.
        """
        return [
            {
                "image_id": self.dataset.records[place].image_id,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "score": logit,
            }
            for place in sorted(self._compared)
            for x0, y0, x1, y1, logit in self._compared[place].proposals.tolist()
        ]

    def results(self) -> Results:
        """The average recall by limit and size; an image without output has no proposals."""
        covered = [
            self._compared.get(place) or self._cover(place, torch.zeros(0, 5))
            for place in range(len(self.dataset.records))
        ]
        areas = np.concatenate([one.areas for one in covered] or [np.zeros(0)])
        metrics = {}
        for limit in self._limits:
            overlaps = np.concatenate([one.overlaps[limit] for one in covered] or [np.zeros(0)])
            for letter, (smallest, largest) in _SIZES.items():
                chosen = overlaps[(areas >= smallest) & (areas <= largest)]
                metrics[f"AR{letter}{limit}"] = _average_recall(chosen)
        return Results({PROPOSAL_TASK: TaskResults(metrics)}, len(self.dataset.records))

    def _cover(self, place: int, proposals: Float[torch.Tensor, "P 5"]) -> _Coverage:
        annotations = self.dataset.records[place].annotations
        objects = [one for one in annotations if not (one.is_crowd or one.is_difficult)]
        boxes = Boxes([one.box for one in objects])
        overlaps = pairwise_iou(Boxes(proposals[:, :-1]), boxes).numpy()
        return _Coverage(
            np.array([one.size for one in objects], dtype=float),
            {limit: match_greedily(overlaps[:limit]) for limit in self._limits},
            proposals.numpy(),
        )


def match_greedily(overlaps: Float[np.ndarray, "P G"]) -> Float[np.ndarray, "G"]:
    """The overlap of each object with the proposal that it gets, 0 if none is left.

    The pair that overlaps most is taken first, then the best of the remaining proposals and
    objects, and so on.
    """
    left, found = overlaps.copy(), np.zeros(overlaps.shape[1])
    for _ in range(min(overlaps.shape)):
        proposal, which = np.unravel_index(left.argmax(), left.shape)
        found[which] = left[proposal, which]
        left[proposal, :] = left[:, which] = -1
    return found


def _average_recall(overlaps: Float[np.ndarray, "_"]) -> float:
    if not overlaps.size:
        return math.nan
    return float((overlaps[:, None] >= _OVERLAPS).mean())
