"""From instances and semantic segmentation to segments that do not overlap.

Legend: R instances, H W the image's height and width.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from composer.ranges import Fraction, NonNegativeInt
from composer.structures import BitMasks, Instances, PanopticSegmentation, SemanticScores
from composer.translation import translated_by

# In the semantic segmentation, all things are one class.
_THINGS = 0


@translated_by("composer_panoptic.onnx_translation:translate_panoptic")
def panoptic(
    instances: list[Instances],
    sem_seg: list[SemanticScores],
    *,
    overlap_threshold: Fraction = 0.5,
    stuff_area_limit: NonNegativeInt = 4096,
    instances_confidence_threshold: Fraction = 0.5,
) -> list[PanopticSegmentation]:
    """Gives each pixel to the best instance there, or else to its semantic class.

    It follows Panoptic Segmentation (Kirillov et al. 2019, section 6, "human vs. machine" and the
    heuristics of Panoptic FPN, section 4.1).

    Args:
        instances: per image, in the resolution of the output, with `scores`, `pred_classes` and
            `pred_masks`.
        sem_seg: per image, class logits in the resolution of the output; class 0 stands for all
            things.
        overlap_threshold: an instance is dropped when a larger share of it is taken already.
        stuff_area_limit: a semantic class with fewer pixels left is dropped.
        instances_confidence_threshold: an instance with a lower score is dropped.

    Raises:
        ValueError: their numbers differ.
    """
    if len(instances) != len(sem_seg):
        raise ValueError(f"Instances of {len(instances)} images, logits of {len(sem_seg)}.")
    found = []
    for one, scores in zip(instances, sem_seg, strict=True):
        classes = scores.argmax(dim=0)
        canvas = _Canvas(torch.zeros_like(classes, dtype=torch.int32))
        _add_things(canvas, one, overlap_threshold, instances_confidence_threshold)
        _add_stuff(canvas, classes, stuff_area_limit)
        found.append(PanopticSegmentation(canvas.segment_ids, canvas.segments_info))
    return found


@dataclass
class _Canvas:
    segment_ids: Int[Tensor, "H W"]
    segments_info: list[dict[str, Any]] = field(default_factory=list)

    def add(self, mask: Bool[Tensor, "H W"], **info: Any) -> None:
        segment_id = len(self.segments_info) + 1
        self.segment_ids[mask] = segment_id
        self.segments_info.append({"id": segment_id, **info})


def _add_things(
    canvas: _Canvas, instances: Instances, overlap_threshold: float, score_threshold: float
) -> None:
    """Adds the instances, best first; pixels of an earlier one stay with it."""
    masks = _read_masks(instances).to(canvas.segment_ids.device)
    scores = instances.scores.tolist()
    for index in instances.scores.argsort(descending=True, stable=True).tolist():
        if scores[index] < score_threshold:
            break
        free = masks[index] & (canvas.segment_ids == 0)
        area, free_area = int(masks[index].sum()), int(free.sum())
        if area == 0 or (area - free_area) / area > overlap_threshold:
            continue
        canvas.add(
            free,
            isthing=True,
            score=scores[index],
            category_id=int(instances.pred_classes[index]),
            instance_id=index,
        )


def _add_stuff(canvas: _Canvas, classes: Int[Tensor, "H W"], area_limit: int) -> None:
    """Adds the semantic classes where no instance is."""
    is_free = canvas.segment_ids == 0
    areas = classes[is_free].bincount().tolist()
    for category_id, area in enumerate(areas):
        if category_id != _THINGS and area >= max(area_limit, 1):
            mask = (classes == category_id) & is_free
            canvas.add(mask, isthing=False, category_id=category_id, area=area)


def _read_masks(instances: Instances) -> Bool[Tensor, "R H W"]:
    masks = instances.pred_masks
    return (masks.tensor if isinstance(masks, BitMasks) else masks).bool()
