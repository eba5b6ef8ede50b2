"""Moves all parts of a sample by one transform."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from composer.data.samples import Sample
from composer.data.transforms.transform import Transform, TransformList
from composer.memory import check_allocation
from composer.structures import RotatedBoxes


def move_sample(sample: Sample, transform: Transform) -> Sample:
    """Moves the image of a sample, its coordinates, masks and maps.

    A box becomes the box around its moved corners; that of an object with a rotated box, the one
    around that. Nothing is cut to the image; see `cut_to_image`.

    Args:
        sample: the sample.
        transform: for images of its size.

    Raises:
        MemoryShortageError: the result would take more memory than is at hand.
    """
    _check_memory(sample, *transform.new_size)
    outlines, keypoints = sample.outlines, sample.keypoints
    if outlines is not None:
        outlines = tuple(tuple(transform.apply_polygons(outline)) for outline in outlines)
    if keypoints is not None:
        points = transform.apply_coords(keypoints[..., :2])
        keypoints = torch.cat((points, keypoints[..., 2:]), dim=-1)
    masks, classes, segments = sample.bit_masks, sample.sem_seg, sample.panoptic
    ignored = sample.ignore_label
    rotated, proposals = sample.rotated_boxes, sample.proposals
    moved = replace(
        sample,
        image=transform.apply_image(sample.image, sample.margin),
        boxes=transform.apply_box(sample.boxes),
        outlines=outlines,
        bit_masks=None if masks is None else transform.apply_segmentation(masks),
        keypoints=keypoints,
        sem_seg=None if classes is None else transform.apply_segmentation(classes, ignored),
        panoptic=None if segments is None else transform.apply_segmentation(segments),
        rotated_boxes=None if rotated is None else transform.apply_rotated_box(rotated),
        proposals=None if proposals is None else transform.apply_box(proposals),
        history=(*sample.history, transform),
    )
    return replace(moved, boxes=_bound_rotated(moved))


def _check_memory(sample: Sample, height: int, width: int) -> None:
    """Refuses an image whose pixels and masks are more than the memory at hand."""
    planes = [len(sample.image) * sample.image.element_size()]
    planes += [len(sample.bit_masks)] if sample.bit_masks is not None else []
    check_allocation(sum(planes) * height * width, f"An image of {height} x {width}")


def find_transform(sample: Sample) -> TransformList:
    """The transforms that led from the image of the file to that of a sample.

    They move coordinates of one image to the other, and back: `find_transform(sample).inverse()`.
    """
    size = sample.history[0].size if sample.history else (sample.height, sample.width)
    return TransformList(sample.history, size)


def _bound_rotated(sample: Sample) -> Float[Tensor, "N 4"]:
    if sample.rotated_boxes is None:
        return sample.boxes
    around = RotatedBoxes(sample.rotated_boxes).get_bounding_boxes().tensor
    limits = around.new_tensor([sample.width, sample.height] * 2)
    around = around.clamp(min=0).minimum(limits)
    return torch.where(around.isfinite(), around, sample.boxes)
