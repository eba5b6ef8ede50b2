"""From a record to the input of a model: a dict of the `list[dict]` format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from composer.data.augmentations import Augmentation, Mixture, ResizeShortestEdge
from composer.data.augmentations.augmentation import can_mirror
from composer.data.augmentations.chance import draw_integer
from composer.data.faults import PartnerError
from composer.data.loading.shared_memory import RecordStore
from composer.data.metadata import Metadata, describe_unknown_flips
from composer.data.records import Record
from composer.data.rotated_targets import make_rotated_boxes
from composer.data.sample_reading import MaskFormat, read_sample
from composer.data.samples import Sample
from composer.data.transforms.pasting import with_bit_masks
from composer.data.transforms.windows import hide_outside
from composer.errors import InputError
from composer.language import ImageFormat
from composer.structures import BitMasks, Boxes, Instances, Keypoints, PolygonMasks

_NOTHING = Metadata()
_PLAIN = ImageFormat.model_validate({})


class Mapper:
    """Reads a record, augments it, and formats it as a model's input.

    Args:
        augmentations: what is done to samples, in order. None resizes images the way the model's
            input says, exactly as `read_image` does.
        image_format: the model's image format: channel order, scale, size.
        metadata: of the records' dataset: keypoints, semantic classes.
        annotated: whether the result has ground truth; without, images are all that is read.
        mask_format: `polygon`, `bitmask`, `none`, or `auto`: polygons where an image has nothing
            else.
        keep_empty: whether objects are kept of which nothing is left to be seen.
        partners: records whose objects augmentations like `copy_paste` may take; usually those of
            the whole dataset. With none, such augmentations leave samples as they are.
        rotated_boxes: whether `gt_boxes` are boxes at any angle, fitted to the masks.

    Raises:
        InputError: an augmentation mirrors keypoints, and it is not known which change places.
    """

    def __init__(
        self,
        augmentations: Sequence[Augmentation | Mixture] | None = None,
        image_format: ImageFormat = _PLAIN,
        *,
        metadata: Metadata = _NOTHING,
        annotated: bool = True,
        mask_format: MaskFormat = "auto",
        keep_empty: bool = False,
        partners: Sequence[Record] = (),
        rotated_boxes: bool = False,
    ) -> None:
        if augmentations is None:
            augmentations = _resizing(image_format)
        if annotated and can_mirror(augmentations) and not metadata.can_be_mirrored:
            raise InputError(describe_unknown_flips(metadata))
        self.augmentations = tuple(augmentations)
        self.image_format = image_format
        self.metadata = metadata
        self.annotated = annotated
        self.mask_format: MaskFormat = mask_format
        self.keep_empty = keep_empty
        self.rotated_boxes = rotated_boxes
        # Found out once: to ask whether something fits a protocol is slow.
        self._mixtures = {i for i, a in enumerate(self.augmentations) if isinstance(a, Mixture)}
        self.partners = RecordStore(partners if self._mixtures else ())

    def __call__(self, record: Record, generator: torch.Generator) -> dict[str, Any]:
        """Prepares one image.

        Args:
            record: the image and its annotations.
            generator: where all that is left to chance is drawn from.

        Returns:
            `image`, C x H x W; `height` and `width` of the file, `file_name` and `image_id`; with
            annotations also `instances` with `gt_boxes`, `gt_classes` and, as far as they are
            known, `gt_masks` and `gt_keypoints`; `sem_seg`; and `panoptic_seg`, ids by pixel and
            what they are. `proposals` in any case, where there are any.

        Raises:
            InputError: a file cannot be read or does not fit its annotations; `PartnerError` if it
                is that of another image, whose objects were to be taken.
        """
        sample = read_sample(
            record, self.metadata, annotated=self.annotated, mask_format=self.mask_format
        )
        prepared: dict[str, Any] = {
            "file_name": os.fspath(record.file_name),
            "image_id": record.image_id,
            "height": sample.height,
            "width": sample.width,
        }
        sample = self.augment(sample, generator)
        prepared["image"] = self._finish_image(sample.image)
        if sample.proposals is not None:
            prepared["proposals"] = make_proposals(sample)
        if self.annotated:
            prepared["instances"] = make_targets(sample, rotated=self.rotated_boxes)
            if sample.sem_seg is not None:
                prepared["sem_seg"] = sample.sem_seg.long().contiguous()
            if sample.panoptic is not None:
                segments = [segment.as_dict() for segment in record.segments]
                prepared["panoptic_seg"] = (sample.panoptic.contiguous(), segments)
        return prepared

    def augment(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Applies the augmentations and drops objects that are no longer visible.

        Outlines are filled at last, where pixels are asked for: filled before, their borders would
        be off by the pixels of the file.
        """
        for place, augmentation in enumerate(self.augmentations):
            if place not in self._mixtures:
                sample = cast("Augmentation", augmentation)(sample, generator)
            elif len(self.partners):
                draw_partner = partial(self._draw_partner, place, generator)
                sample = cast("Mixture", augmentation).mix(sample, generator, draw_partner)
        if self.mask_format == "bitmask" or sample.bit_masks is not None:
            sample = with_bit_masks(sample)
        return sample if self.keep_empty else sample.select(sample.visible())

    def _draw_partner(self, place: int, generator: torch.Generator) -> Sample:
        """Another image, augmented as far as the one that it goes into.

        Raises:
            PartnerError: it cannot be read.
        """
        record = self.partners[draw_integer(generator, 0, len(self.partners) - 1)]
        try:
            partner = read_sample(record, self.metadata, mask_format=self.mask_format)
        except InputError as error:
            raise PartnerError(os.fspath(record.file_name), str(error)) from error
        for before, augmentation in enumerate(self.augmentations[:place]):
            if before not in self._mixtures:
                partner = cast("Augmentation", augmentation)(partner, generator)
        return partner

    def _finish_image(self, image: Tensor) -> Tensor:
        """Orders and scales the channels; the memory's order becomes that of the shape."""
        if self.image_format.channel_order == "BGR":
            image = torch.stack((image[2], image[1], image[0]))
        image = image.contiguous()
        scale = self.image_format.scale
        return image if scale == 1 else image.float() * scale


def make_targets(sample: Sample, *, rotated: bool = False) -> Instances:
    """The objects of a sample as ground truth, in single precision.

    Args:
        sample: an image and its objects.
        rotated: whether boxes are the smallest at any angle around the objects' masks.
    """
    instances = Instances(
        (sample.height, sample.width),
        gt_boxes=make_rotated_boxes(sample) if rotated else Boxes(sample.boxes.float()),
        gt_classes=sample.categories,
    )
    if sample.outlines is not None:
        instances.gt_masks = PolygonMasks(sample.outlines)
    elif sample.bit_masks is not None:
        instances.gt_masks = BitMasks(sample.bit_masks)
    if sample.keypoints is not None:
        instances.gt_keypoints = Keypoints(_seen_keypoints(sample))
    return instances


def make_proposals(sample: Sample) -> Instances:
    """The proposals of a sample that have some area in the image, in single precision."""
    assert sample.proposals is not None
    assert sample.proposal_logits is not None
    boxes = Boxes(sample.proposals.float())
    proposals = Instances(
        (sample.height, sample.width),
        proposal_boxes=boxes,
        objectness_logits=sample.proposal_logits,
    )
    return proposals[boxes.nonempty()]


def _seen_keypoints(sample: Sample) -> Tensor:
    """The keypoints with zeros for those that are unlabelled or outside of the image."""
    inside = hide_outside(sample)
    assert inside is not None
    return (inside * (inside[..., 2:] > 0)).float()


def _resizing(image_format: ImageFormat) -> list[Augmentation | Mixture]:
    if image_format.shortest_edge == 0:
        return []
    return [
        ResizeShortestEdge(
            shortest_edge=image_format.shortest_edge,
            longest_edge=image_format.longest_edge,
            exact=True,
        )
    ]
