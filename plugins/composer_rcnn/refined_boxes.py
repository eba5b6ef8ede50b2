"""Regions refined by a stage of a cascade, for the next stage."""

import torch

from composer.ops import BoxWeights, decode_deltas, split_regions
from composer.structures import BoxDeltas, Boxes, ImageList, keeps_rows
from composer.translation import translated_by


@keeps_rows
@translated_by("composer_rcnn.onnx_regions:translate_refined_boxes")
@torch.no_grad()
def refined_boxes(
    boxes: list[Boxes],
    box_deltas: BoxDeltas,
    images: ImageList,
    *,
    box_weights: BoxWeights = (10.0, 10.0, 5.0, 5.0),
) -> list[Boxes]:
    """Applies the offsets to every region and clips it (Cai and Vasconcelos 2018, section 4.1).

    Gradients do not flow through it.

    Args:
        boxes: the regions, per image.
        box_deltas: of all regions: 4 that the classes share.
        images: for their sizes.
        box_weights: factors of the offsets.

    Raises:
        ValueError: there are offsets for each class, or not as many as regions.
    """
    counts = [len(one) for one in boxes]
    if box_deltas.shape[1] != 4:
        raise ValueError(
            f"A stage of a cascade has offsets that the classes share, 4 numbers, not "
            f"{box_deltas.shape[1]}: set cls_agnostic_bbox_reg."
        )
    if sum(counts) != len(box_deltas):
        raise ValueError(f"{sum(counts)} regions, but box offsets of {len(box_deltas)}.")
    source = Boxes.cat(boxes).tensor.to(box_deltas.device)
    # What is no number has no logits either and will be dropped, but has to be pooled until then.
    moved = decode_deltas(box_deltas, source, box_weights).nan_to_num(nan=0.0)
    return [
        Boxes(one).clip(size)
        for one, size in zip(split_regions(moved, counts), images.image_sizes, strict=True)
    ]
