"""A dataset's objects as rotated boxes, in the form that pycocotools compares with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pycocotools.coco import COCO

from composer.data import Annotation, Dataset, Sample, make_rotated_boxes, to_outline
from composer.evaluation.coco_truth import index_entries
from composer.structures import decode_mask


def make_rotated_truth(dataset: Dataset, order: Sequence[int]) -> COCO:
    """The objects of a dataset as pycocotools' ground truth, each in its smallest box.

    They are the boxes that `rotated_boxes: true` learns from: fitted to masks, and upright where
    there is none. Difficult objects are passed over.

    Args:
        dataset: the dataset.
        order: positions of the images, which are numbered by it.
    """
    entries: list[dict[str, Any]] = []
    for image_id, place in enumerate(order):
        for annotation in dataset.records[place].annotations:
            box = fit_annotation(annotation)
            entries.append(
                {
                    "id": len(entries) + 1,
                    "image_id": image_id,
                    "category_id": annotation.category,
                    "bbox": box,
                    # Beyond every range of sizes, which pycocotools passes over.
                    "area": math.inf if annotation.is_difficult else box[2] * box[3],
                    "iscrowd": int(annotation.is_crowd),
                }
            )
    return index_entries(len(order), range(len(dataset.metadata.thing_classes)), entries)


def fit_annotation(annotation: Annotation) -> list[float]:
    """The smallest box around an object's mask: centre x, centre y, width, height, degrees."""
    given = annotation.segmentation
    boxes = torch.tensor([annotation.box], dtype=torch.float64)
    categories = torch.tensor([annotation.category])
    if isinstance(given, Mapping):
        mask = torch.from_numpy(decode_mask(given))[None]
        sample = Sample(_blank(*mask.shape[1:]), boxes, categories, bit_masks=mask)
    else:
        outline = to_outline(given)
        sample = Sample(_blank(1, 1), boxes, categories, outlines=(outline,) if outline else None)
    return [float(value) for value in make_rotated_boxes(sample).tensor[0]]


def _blank(height: int, width: int) -> torch.Tensor:
    """An image whose size alone counts; it takes no memory."""
    return torch.zeros(1, 1, 1, dtype=torch.uint8).expand(3, height, width)
