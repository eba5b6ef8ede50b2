"""Reads the image and the annotations of a record into a sample.

Legend: N objects, K keypoints each, B boxes, H W the image's height and width.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from composer.data.cityscapes_classes import INSTANCE_IDS
from composer.data.faults import BadPart
from composer.data.label_images import read_labels, read_segment_ids
from composer.data.metadata import Metadata
from composer.data.records import Annotation, Proposals, Record
from composer.data.samples import Outline, Sample
from composer.data.transforms.windows import cut_to_image
from composer.errors import InputError
from composer.images import open_image
from composer.images import peek_size as peek_image_size
from composer.structures import decode_mask

MaskFormat = Literal["auto", "polygon", "bitmask", "none"]

_HALF_PIXEL = 0.5  # COCO's keypoints are indices of pixels; ours are coordinates of their centres


def read_sample(
    record: Record,
    metadata: Metadata,
    *,
    annotated: bool = True,
    mask_format: MaskFormat = "auto",
) -> Sample:
    """Reads a record's image files and makes tensors of its annotations.

    Crowds and difficult objects are left out: they are no training targets. Boxes, outlines and
    keypoints are cut to the image. Proposals are no annotations: they come in any case.

    Args:
        record: the record.
        metadata: of its dataset.
        annotated: whether annotations are read, too.
        mask_format: `polygon` refuses run-length encodings. Otherwise polygons become outlines and
            run-length encodings bit masks, whatever the format: outlines are filled after they have
            been moved. There are no masks if the dataset has none; one that is not known among
            others is empty.

    Raises:
        InputError: an image cannot be read, is of another size than its annotations, or has
            masks of a form that is not wanted; or a semantic class is none of the dataset's.
    """
    image = read_pixels(record.file_name, record.sample_range)
    sample = Sample(image, torch.zeros(0, 4, dtype=torch.float64), torch.zeros(0, dtype=torch.long))
    _check_size(record, sample.height, sample.width)
    sample = _with_proposals(sample, record.proposals)
    if not annotated:
        return sample
    targets = [a for a in record.annotations if not (a.is_crowd or a.is_difficult)]
    outlines, bit_masks = _read_masks(targets, record, sample, mask_format, metadata)
    size = sample.height, sample.width
    panoptic = read_panoptic(record, size)
    read = replace(
        sample,
        boxes=_read_boxes(targets, sample),
        rotated_boxes=_read_rotated_boxes(targets),
        categories=torch.tensor([a.category for a in targets], dtype=torch.long),
        outlines=outlines,
        bit_masks=bit_masks,
        keypoints=_read_keypoints(targets, len(metadata.keypoint_names)),
        keypoint_flips=metadata.keypoint_flip_indices if metadata.can_be_mirrored else (),
        sem_seg=read_sem_seg(record, size, panoptic, metadata),
        panoptic=panoptic,
        ignore_label=metadata.ignore_label,
    )
    cut = cut_to_image(read)
    return replace(cut, masks_known=cut.masks_left()) if cut.has_masks else cut


def read_pixels(
    file: Path, sample_range: tuple[float, float] | None = None
) -> UInt8[Tensor, "3 H W"]:
    """Reads an image upright, as red, green and blue; the view's memory is H x W x 3.

    Args:
        file: the image.
        sample_range: the samples that are black and white, as of `composer.images.open_image`.

    Raises:
        InputError: the file is missing, truncated, or no image.
    """
    return torch.from_numpy(np.array(open_image(file, sample_range))).permute(2, 0, 1)


def peek_size(file: Path) -> tuple[int, int]:
    """The (height, width) of an image from the head of its file; (1, 1) if it cannot be read."""
    try:
        return peek_image_size(file)
    except InputError:
        return 1, 1


def _check_size(record: Record, height: int, width: int) -> None:
    if (record.height or height, record.width or width) != (height, width):
        raise InputError(
            f"{record.file_name}: the image is {height} high and {width} wide, "
            f"its annotations are for {record.height} and {record.width}"
        )


def _read_boxes(targets: Sequence[Annotation], sample: Sample) -> Float[Tensor, "N 4"]:
    boxes = torch.tensor([a.box for a in targets], dtype=torch.float64).reshape(-1, 4)
    return _cut(boxes, sample)


def _read_rotated_boxes(targets: Sequence[Annotation]) -> Float[Tensor, "N 5"] | None:
    if all(a.rotated_box is None for a in targets):
        return None
    nothing = (math.nan,) * 5
    return torch.tensor([a.rotated_box or nothing for a in targets], dtype=torch.float64)


def _with_proposals(sample: Sample, proposals: Proposals | None) -> Sample:
    if proposals is None:
        return sample
    boxes = torch.tensor(proposals.boxes, dtype=torch.float64)
    logits = torch.tensor(proposals.objectness_logits, dtype=torch.float32)
    return replace(sample, proposals=_cut(boxes, sample), proposal_logits=logits)


def _cut(boxes: Float[Tensor, "B 4"], sample: Sample) -> Float[Tensor, "B 4"]:
    limits = torch.tensor([sample.width, sample.height] * 2, dtype=torch.float64)
    return boxes.clamp(min=0).minimum(limits)


def _read_masks(
    targets: Sequence[Annotation],
    record: Record,
    sample: Sample,
    mask_format: MaskFormat,
    metadata: Metadata,
) -> tuple[tuple[Outline, ...] | None, Bool[Tensor, "N H W"] | None]:
    """Outlines, or bit masks, or neither where no object has a segmentation or might have one."""
    given = [a.segmentation for a in targets]
    has_masks = metadata.has_masks or not given or any(each is not None for each in given)
    if mask_format == "none" or not has_masks:
        return None, None
    has_run_lengths = any(isinstance(each, Mapping) for each in given)
    if mask_format == "polygon" and has_run_lengths:
        raise InputError(
            f"{record.file_name}: it has masks as run-length encodings, which are no polygons; "
            "use the mask format 'bitmask' or 'auto'"
        )
    masks = [_decode(each, sample) for each in given] if has_run_lengths else []
    bit_masks = torch.from_numpy(np.stack(masks)) if masks else None
    if masks and all(isinstance(each, Mapping) for each in given):
        return None, bit_masks
    return tuple(to_outline(each) for each in given), bit_masks


def to_outline(segmentation: object) -> Outline:
    """The usable polygons; what has fewer than three corners has no inside."""
    if not isinstance(segmentation, Sequence):
        return ()
    parts = [np.array(part, dtype=np.float64) for part in segmentation]
    return tuple(part for part in parts if part.size >= 6 and part.size % 2 == 0)


def _decode(segmentation: object, sample: Sample) -> Bool[np.ndarray, "H W"]:
    """The pixels of a run-length encoding; none of another segmentation."""
    if not isinstance(segmentation, Mapping):
        return np.zeros((sample.height, sample.width), dtype=bool)
    if list(segmentation["size"]) != [sample.height, sample.width]:
        raise InputError(
            f"a mask is of {segmentation['size'][0]} x {segmentation['size'][1]}, "
            f"its image of {sample.height} x {sample.width}"
        )
    try:
        return decode_mask(segmentation)
    except ValueError as error:
        raise InputError(f"a mask cannot be filled: {error}") from error


def _read_keypoints(targets: Sequence[Annotation], count: int) -> Float[Tensor, "N K 3"] | None:
    """Keypoints of every object, unlabelled ones where it has none; None if there are no names."""
    if count == 0:
        return None
    nothing = [0.0] * (3 * count)
    rows = [nothing if a.keypoints is None else list(a.keypoints) for a in targets]
    keypoints = torch.tensor(rows, dtype=torch.float64).reshape(-1, count, 3)
    keypoints[..., :2] += _HALF_PIXEL
    return keypoints


def read_panoptic(record: Record, size: tuple[int, int]) -> Int[Tensor, "H W"] | None:
    """The id of the segment of each pixel; None if the record has no panoptic image.

    Args:
        record: the record.
        size: (height, width) of its image.

    Raises:
        InputError: the image cannot be read, or is of another size.
    """
    if record.panoptic_file is None:
        return None
    return _read_label_image(record.panoptic_file, read_segment_ids, size)


def read_sem_seg(
    record: Record,
    size: tuple[int, int],
    panoptic: Int[Tensor, "H W"] | None,
    metadata: Metadata,
) -> Int[Tensor, "H W"] | None:
    """The class of each pixel, from its semantic or its panoptic label image.

    Args:
        record: the record.
        size: (height, width) of its image.
        panoptic: the id of the segment of each pixel, where it is known.
        metadata: of the record's dataset.

    Raises:
        InputError: the image cannot be read, is of another size, or has a class that is none of
            the dataset's.
    """
    if record.sem_seg_file is not None:
        labels = _read_label_image(record.sem_seg_file, read_labels, size)
        _check_classes(labels, record.sem_seg_file, metadata)
        return labels
    if panoptic is None:
        return None
    classes = torch.full_like(panoptic, metadata.ignore_label, dtype=torch.long)
    for segment in record.segments:
        category = segment.category
        if segment.is_thing:
            if not metadata.sem_seg_of_things:
                continue
            category = metadata.sem_seg_of_things[category]
        classes[panoptic == segment.segment_id] = category
    return classes


def _check_classes(labels: Int[Tensor, "H W"], file: Path, metadata: Metadata) -> None:
    counted = labels[labels != metadata.ignore_label]
    num_classes = len(metadata.stuff_classes)
    if counted.numel() and num_classes and int(counted.max()) >= num_classes:
        raise InputError(
            f"{file}: it has the semantic class {int(counted.max())}; there are 0 to "
            f"{num_classes - 1}, and {metadata.ignore_label} where nothing is known"
        )


def read_instance_ids(record: Record) -> Int[np.ndarray, "H W"]:
    """The own id of each pixel's object or class, from Cityscapes' label image of instance ids.

    Raises:
        InputError: the record has none, or it cannot be read.
    """
    file = record.extra.get(INSTANCE_IDS)
    if file is None:
        raise InputError(f"{record.file_name} has no label image of instance ids")
    try:
        return read_labels(Path(file))
    except BadPart as bad:
        raise InputError(bad.message) from bad


def _read_label_image(
    file: Path, read: Callable[[Path], Int[np.ndarray, "H W"]], size: tuple[int, int]
) -> Int[Tensor, "H W"]:
    """A label image, which has to be of the image's size."""
    try:
        labels = torch.from_numpy(read(file))
    except BadPart as bad:
        raise InputError(bad.message) from bad
    if labels.shape != size:
        shape = " x ".join(map(str, labels.shape))
        raise InputError(f"{file}: it is {shape}, but the image is {size[0]} x {size[1]}")
    return labels
