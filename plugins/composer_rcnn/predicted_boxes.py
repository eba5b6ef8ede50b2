"""Sampled regions moved by their predicted offsets."""

import torch

from composer.ops import (
    UPRIGHT,
    BoxWeights,
    check_offsets,
    decode_deltas,
    pick_class_offsets,
    split_regions,
)
from composer.ranges import PositiveInt
from composer.structures import BoxDeltas, Boxes, Classes


@torch.no_grad()
def predicted_boxes(
    boxes: list[Boxes],
    classes: list[Classes],
    box_deltas: BoxDeltas,
    *,
    num_classes: PositiveInt,
    box_weights: BoxWeights = (10.0, 10.0, 5.0, 5.0),
) -> list[Boxes]:
    """Moves each region by the offsets of its target class.

    With these in place of the sampled regions, masks and keypoints are trained on boxes like
    those of inference: wire `foreground`'s `boxes` to this node. Gradients do not flow
    through it.

    Args:
        boxes: the regions, per image.
        classes: target classes per image; `num_classes` for the background.
        box_deltas: of all regions: 4 a class, or 4 that the classes share.
        num_classes: number of classes, without the background.
        box_weights: factors of the offsets.

    Raises:
        ValueError: the numbers of predictions and regions, or of offsets and classes differ.
    """
    counts = [len(one) for one in boxes]
    if sum(counts) != len(box_deltas):
        raise ValueError(f"{sum(counts)} regions, but box offsets of {len(box_deltas)}.")
    check_offsets(box_deltas, num_classes, UPRIGHT.dim)
    if not boxes:
        return []
    columns = torch.cat(classes).clamp(0, num_classes - 1).to(box_deltas.device)
    chosen = pick_class_offsets(box_deltas, columns, UPRIGHT.dim)
    moved = decode_deltas(chosen, Boxes.cat(boxes).tensor.to(chosen.device), box_weights)
    return [Boxes(one) for one in split_regions(moved, counts)]
