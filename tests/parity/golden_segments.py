"""Panoptic segments that detectron2 found, and how they are compared."""

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from composer.structures import PanopticSegmentation
from parity.golden import SMALLEST_MATCHED_SHARE, GoldenCase, mask_iou

# Where instances overlap, segments are small: one of ten pixels may be another's.
SMALLEST_SEGMENT_IOU = 0.9


def assert_segments_match(found: PanopticSegmentation, golden: GoldenCase, image: int) -> None:
    """Segments of one kind with like masks are the same; ids may be others."""
    ids, segments = _read_segments(golden, image)
    matched = [
        any(
            _kind_of(segment) == _kind_of(other)
            and mask_iou(found.segment_ids == other["id"], ids == segment["id"])
            >= SMALLEST_SEGMENT_IOU
            for other in found.segments_info
        )
        for segment in segments
    ]
    assert len(found.segments_info) == len(segments)
    assert np.mean(matched) >= SMALLEST_MATCHED_SHARE
    same_kind = _paint_kinds(*found) == _paint_kinds(ids, segments)
    assert same_kind.float().mean() >= SMALLEST_MATCHED_SHARE


def _read_segments(golden: GoldenCase, image: int) -> tuple[Tensor, list[dict[str, Any]]]:
    ids = golden.tensor(f"output/{image}/panoptic_seg")
    return ids, json.loads(str(golden.values[f"output/{image}/panoptic_segments"]))


def _kind_of(segment: dict[str, Any]) -> tuple[bool, int]:
    return segment["isthing"], segment["category_id"]


def _paint_kinds(ids: Tensor, segments: list[dict[str, Any]]) -> Tensor:
    """The kind of each pixel's segment: positive for things, negative for stuff, 0 for none."""
    kinds = torch.zeros(len(segments) + 1, dtype=torch.int64)
    for segment in segments:
        isthing, category = _kind_of(segment)
        kinds[segment["id"]] = category + 1 if isthing else -category
    return kinds[ids.long()]
