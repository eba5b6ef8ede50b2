"""Lays an object of one sample over another sample.

Legend: N objects, H W an image's height and width, h w those of a part.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.data.samples import Sample
from composer.data.transforms.windows import find_boxes, hide_outside
from composer.structures import BitMasks


def with_bit_masks(sample: Sample) -> Sample:
    """Returns the sample with its outlines turned into pixels."""
    if sample.outlines is None:
        return sample
    masks = BitMasks.from_polygon_masks(
        [list(outline) for outline in sample.outlines], sample.height, sample.width
    )
    pixels = masks.tensor if sample.bit_masks is None else masks.tensor | sample.bit_masks
    return replace(sample, outlines=None, bit_masks=pixels)


def paste_object(sample: Sample, part: Sample, top: int, left: int, min_visible: float) -> Sample:
    """Lays the pixels of an object over a sample, and hides what is behind them.

    Masks and boxes of the objects behind become those of what is still seen. Maps of labels hold
    nothing known below the object: the class `ignore_label`, and no segment.

    Args:
        sample: the image that is pasted on, with bit masks.
        part: a small sample of one object, with a bit mask.
        top: row of the image where the part begins; it may reach over the borders.
        left: column where it begins.
        min_visible: an object of which less than this share of its pixels is left is dropped.
    """
    assert sample.bit_masks is not None
    assert part.bit_masks is not None
    rows, part_rows = _overlap(top, part.height, sample.height)
    columns, part_columns = _overlap(left, part.width, sample.width)
    mask = torch.zeros(sample.height, sample.width, dtype=torch.bool)
    mask[rows, columns] = part.bit_masks[0, part_rows, part_columns]
    image = sample.image.clone()
    inside = mask[rows, columns]
    image[:, rows, columns] = torch.where(
        inside, part.image[:, part_rows, part_columns], image[:, rows, columns]
    )
    before = sample.bit_masks.flatten(1).sum(dim=1)
    masks = sample.bit_masks & ~mask
    kept = (masks.flatten(1).sum(dim=1) > min_visible * before) | ~sample.has_mask
    behind = replace(
        sample,
        image=image,
        bit_masks=masks,
        sem_seg=_forget(sample.sem_seg, mask, sample.ignore_label),
        panoptic=_forget(sample.panoptic, mask, 0),
    )
    behind = replace(behind, boxes=_visible_boxes(behind, before)).select(kept)
    return _with_object(behind, part, mask, top, left)


def _overlap(start: int, length: int, limit: int) -> tuple[slice, slice]:
    """The slices of an image and of a part where the two overlap."""
    first, last = max(0, start), max(0, min(limit, start + length))
    return slice(first, last), slice(first - start, max(first, last) - start)


def _forget(labels: Tensor | None, mask: Bool[Tensor, "H W"], unknown: int) -> Tensor | None:
    return None if labels is None else labels.masked_fill(mask, unknown)


def _visible_boxes(sample: Sample, before: Tensor) -> Float[Tensor, "N 4"]:
    """The boxes, tightened where something of the object was hidden."""
    assert sample.bit_masks is not None
    changed = sample.bit_masks.flatten(1).sum(dim=1) < before
    return torch.where(changed[:, None], find_boxes(sample), sample.boxes)


def _with_object(
    sample: Sample, part: Sample, mask: Bool[Tensor, "H W"], top: int, left: int
) -> Sample:
    """The sample with one object more, if any of it is visible."""
    assert sample.bit_masks is not None
    if not mask.any():
        return sample
    bit_masks = torch.cat((sample.bit_masks, mask[None]))
    rotated = sample.rotated_boxes
    if rotated is not None:  # part of it may be hidden: a box is fitted to what is seen
        rotated = torch.cat((rotated, rotated.new_full((1, 5), float("nan"))))
    box = BitMasks(mask[None]).get_bounding_boxes().tensor.double()
    keypoints = sample.keypoints
    if keypoints is not None and part.keypoints is not None:
        moved = part.keypoints + part.keypoints.new_tensor([left, top, 0])
        keypoints = torch.cat((keypoints, moved))
    pasted = replace(
        sample,
        boxes=torch.cat((sample.boxes, box)),
        categories=torch.cat((sample.categories, part.categories)),
        bit_masks=bit_masks,
        masks_known=torch.cat((sample.has_mask, torch.ones(1, dtype=torch.bool))),
        keypoints=keypoints,
        rotated_boxes=rotated,
    )
    return replace(pasted, keypoints=hide_outside(pasted))
