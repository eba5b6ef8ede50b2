"""Mirrors a sample.

Legend: N objects, K keypoints each, B boxes.
"""

from dataclasses import replace
from typing import overload

from jaxtyping import Float
from torch import Tensor

from composer.data.samples import Outline, Sample


def flip_horizontally(sample: Sample) -> Sample:
    """Swaps left and right, and with them the left and right keypoints of each object."""
    return _flip(sample, 0)


def flip_vertically(sample: Sample) -> Sample:
    """Swaps top and bottom. Left and right keypoints swap too: what is seen is a mirror image."""
    return _flip(sample, 1)


def _flip(sample: Sample, axis: int) -> Sample:
    """Mirrors x (axis 0) or y (axis 1)."""
    length = (sample.width, sample.height)[axis]
    outlines = sample.outlines
    if outlines is not None:
        outlines = tuple(_mirror_outline(outline, axis, length) for outline in outlines)
    return replace(
        sample,
        image=sample.image.flip(2 - axis),
        boxes=_mirror_boxes(sample.boxes, axis, length),
        outlines=outlines,
        bit_masks=None if sample.bit_masks is None else sample.bit_masks.flip(2 - axis),
        keypoints=_mirror_keypoints(sample, axis, length),
        sem_seg=None if sample.sem_seg is None else sample.sem_seg.flip(1 - axis),
        panoptic=None if sample.panoptic is None else sample.panoptic.flip(1 - axis),
        proposals=_mirror_boxes(sample.proposals, axis, length),
    )


@overload
def _mirror_boxes(boxes: Tensor, axis: int, length: int) -> Tensor: ...
@overload
def _mirror_boxes(boxes: Tensor | None, axis: int, length: int) -> Tensor | None: ...
def _mirror_boxes(
    boxes: Float[Tensor, "B 4"] | None, axis: int, length: int
) -> Float[Tensor, "B 4"] | None:
    if boxes is None:
        return None
    mirrored = boxes.clone()
    mirrored[:, axis] = length - boxes[:, axis + 2]
    mirrored[:, axis + 2] = length - boxes[:, axis]
    return mirrored


def _mirror_keypoints(sample: Sample, axis: int, length: int) -> Float[Tensor, "N K 3"] | None:
    if sample.keypoints is None:
        return None
    mirrored = sample.keypoints.clone()
    mirrored[..., axis] = length - mirrored[..., axis]
    return mirrored[:, list(sample.keypoint_flips)] if sample.keypoint_flips else mirrored


def _mirror_outline(outline: Outline, axis: int, length: int) -> Outline:
    parts = []
    for part in outline:
        mirrored = part.copy()
        mirrored[axis::2] = length - part[axis::2]
        parts.append(mirrored)
    return tuple(parts)
