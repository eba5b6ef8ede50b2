"""One image and everything that is known about it, while it is being prepared for training.

Legend: N objects, K keypoints each, P proposals, H W the image's height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from composer.structures import Polygon

if TYPE_CHECKING:
    from composer.data.transforms.transform import Transform

Outline: TypeAlias = tuple[Polygon, ...]  # the parts of one object


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its objects and its maps of labels. Augmentations give new samples.

    Coordinates are continuous, in pixels: the centre of the first pixel is at 0.5. They are
    float64, so that rounding errors of a chain of augmentations stay invisible.

    Args:
        image: red, green, blue. Its memory is best in the order H x W x 3, a view of which this
            is: decoders give it like that, and resizing it is several times faster.
        boxes: XYXY.
        categories: of each object, from 0.
        outlines: polygons of each object, each x0, y0, x1, y1, ...; None if objects have none.
        bit_masks: the same as pixels. A sample has outlines, bit masks or neither; or both, where
            some objects have outlines and the others pixels: nothing is set of the other form.
        masks_known: whether the mask of each object is known; one that is not is empty, as one is
            of which nothing is left. None if the sample has the masks of all.
        keypoints: x, y and visibility (0 unlabelled, 1 hidden, 2 visible); None if there are none.
        keypoint_flips: for each keypoint the one that it becomes in a mirror; none if that is not
            known.
        sem_seg: the class of each pixel; None if it is not known.
        panoptic: the segment of each pixel, 0 for none; None if it is not known.
        rotated_boxes: (centre x, centre y, width, height, degrees) of each object that has such a
            box, not-a-number of the others; None if none has.
        proposals: boxes that may have an object, XYXY; None if none were computed.
        proposal_logits: how sure each of them is.
        ignore_label: what `sem_seg` holds where nothing is known.
        margin: colour of what an augmentation uncovers beyond the image's borders.
        history: the transforms that led here from the image of the file.
    """

    image: UInt8[Tensor, "3 H W"]
    boxes: Float[Tensor, "N 4"]
    categories: Int[Tensor, N]
    outlines: tuple[Outline, ...] | None = None
    bit_masks: Bool[Tensor, "N H W"] | None = None
    masks_known: Bool[Tensor, N] | None = None
    keypoints: Float[Tensor, "N K 3"] | None = None
    keypoint_flips: tuple[int, ...] = ()
    sem_seg: Int[Tensor, "H W"] | None = None
    panoptic: Int[Tensor, "H W"] | None = None
    rotated_boxes: Float[Tensor, "N 5"] | None = None
    proposals: Float[Tensor, "P 4"] | None = None
    proposal_logits: Float[Tensor, P] | None = None
    ignore_label: int = 255
    margin: tuple[int, int, int] = (124, 116, 104)
    history: tuple[Transform, ...] = ()

    @property
    def height(self) -> int:
        """Rows of the image."""
        return self.image.shape[1]

    @property
    def width(self) -> int:
        """Columns of the image."""
        return self.image.shape[2]

    @property
    def has_masks(self) -> bool:
        """Whether the shapes of the objects are known, in either form."""
        return self.outlines is not None or self.bit_masks is not None

    @property
    def has_mask(self) -> Bool[Tensor, N]:
        """Which objects have a mask that is known, though nothing of it may be left."""
        if self.masks_known is not None:
            return self.masks_known
        return torch.full((len(self),), self.has_masks)

    def __len__(self) -> int:
        """The number of objects."""
        return self.boxes.shape[0]

    def select(self, kept: Bool[Tensor, N]) -> Sample:
        """Returns the sample with some of its objects; its maps stay as they are."""
        if bool(kept.all()):
            return self
        return replace(
            self,
            boxes=self.boxes[kept],
            categories=self.categories[kept],
            outlines=_select(self.outlines, kept.tolist()),
            bit_masks=None if self.bit_masks is None else self.bit_masks[kept],
            masks_known=None if self.masks_known is None else self.masks_known[kept],
            keypoints=None if self.keypoints is None else self.keypoints[kept],
            rotated_boxes=None if self.rotated_boxes is None else self.rotated_boxes[kept],
        )

    def visible(self) -> Bool[Tensor, N]:
        """Tells which objects have a box of some area in the image, and some of a known mask."""
        kept = ((self.boxes[:, 2:] - self.boxes[:, :2]) > _SMALLEST_SIDE).all(dim=1)
        if self.has_masks:
            kept &= self.masks_left() | ~self.has_mask
        return kept

    def masks_left(self) -> Bool[Tensor, N]:
        """Tells which objects have some of a mask in the image."""
        left = torch.zeros(len(self), dtype=torch.bool)
        if self.outlines is not None:
            left |= torch.tensor([len(parts) > 0 for parts in self.outlines], dtype=torch.bool)
        if self.bit_masks is not None:
            # numpy stops at the first pixel that is set, and torch does not.
            left |= torch.from_numpy(self.bit_masks.numpy().any(axis=(1, 2)))
        return left


_SMALLEST_SIDE = 1e-5  # pixels; as detectron2 takes it


def _select(
    outlines: tuple[Outline, ...] | None, kept: Sequence[bool]
) -> tuple[Outline, ...] | None:
    if outlines is None:
        return None
    return tuple(outline for outline, is_kept in zip(outlines, kept, strict=True) if is_kept)
