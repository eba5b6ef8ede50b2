"""Masks with one value per pixel of the image.

Legend: N instances, H W the image's height and width, S the side of a crop.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.polygon_clipping import Polygon
from composer.structures.polygon_raster import rasterize_polygons
from composer.structures.roi_masks import ROIMasks
from composer.structures.run_lengths import RunLengths
from composer.structures.tensor_rows import TensorRows
from composer.structures.tensor_sizes import check_samples, check_size


class BitMasks(TensorRows):
    """Masks of an image's objects, pixel by pixel. Methods return new masks and change none.

    Args:
        tensor: N x H x W; anything but zero is foreground. numpy arrays are welcome.

    Raises:
        ValueError: it has not three dimensions.
    """

    noun = "masks"
    tensor: Bool[Tensor, "N H W"]

    def __init__(self, tensor: Tensor | NDArray[Any]) -> None:
        tensor = torch.as_tensor(tensor).to(torch.bool)
        if tensor.ndim != 3:
            raise ValueError(f"Bit masks are N x H x W, not {tuple(tensor.shape)}.")
        super().__init__(tensor)

    @staticmethod
    def from_polygon_masks(
        polygon_masks: Sequence[Sequence[Polygon]], height: int, width: int
    ) -> "BitMasks":
        """Fills polygons.

        Args:
            polygon_masks: polygons by instance; a `PolygonMasks`' `polygons` will do.
            height: the image's height.
            width: the image's width.

        Raises:
            MemoryShortageError: the masks would take more memory than is at hand.
            ValueError: polygons are nothing that can be filled; see `bound_polygons`.
        """
        shape = (len(polygon_masks), height, width)
        what = f"{len(polygon_masks)} masks of {height} x {width} pixels"
        check_size(torch.empty(0, dtype=torch.bool), shape, what)
        masks = torch.zeros(shape, dtype=torch.bool)
        for mask, polygons in zip(masks, polygon_masks, strict=True):
            mask.copy_(torch.from_numpy(rasterize_polygons(polygons, height, width)))
        return BitMasks(masks)

    @staticmethod
    def from_roi_masks(
        roi_masks: ROIMasks, boxes: Boxes, height: int, width: int, threshold: float = 0.5
    ) -> "BitMasks":
        """Pastes the masks of regions into an image; see `ROIMasks.paste`."""
        return BitMasks(roi_masks.paste(boxes, (height, width), threshold))

    @property
    def image_size(self) -> tuple[int, int]:
        """The image's (height, width)."""
        return self.tensor.shape[1], self.tensor.shape[2]

    def __iter__(self) -> Iterator[Bool[Tensor, "H W"]]:
        """Yields one mask per instance."""
        yield from self.tensor

    def __repr__(self) -> str:
        return f"BitMasks(num_instances={len(self)}, image_size={self.image_size})"

    def summary(self) -> str:
        """Describes it in a few words."""
        height, width = self.image_size
        return f"{len(self)} mask{'' if len(self) == 1 else 's'} of {height}x{width}"

    def area(self) -> Int[Tensor, "N"]:
        """Returns the number of foreground pixels of each mask."""
        return self.tensor.flatten(1).sum(dim=1)

    def nonempty(self) -> Bool[Tensor, "N"]:
        """Returns which masks have any foreground."""
        return self.tensor.flatten(1).any(dim=1)

    def crop_and_resize(self, boxes: Float[Tensor, "N 4"], mask_size: int) -> Bool[Tensor, "N S S"]:
        """Crops each mask to its own box and resamples it with ROIAlign.

        Args:
            boxes: one box per mask, XYXY in pixels.
            mask_size: side of the crops.

        Raises:
            MemoryShortageError: the crops or the samples of a box would take more memory than is
                at hand.
            ValueError: the number of boxes differs from that of the masks.
        """
        if len(boxes) != len(self):
            raise ValueError(f"{len(boxes)} boxes for {len(self)} masks.")
        shape = (len(self), mask_size, mask_size)
        check_size(boxes, shape, f"{len(self)} crops of {mask_size} x {mask_size} pixels")
        check_samples(boxes)
        from torchvision.ops import roi_align  # takes as long to import as torch

        rows = torch.arange(len(self), device=self.device, dtype=boxes.dtype)
        regions = torch.cat((rows[:, None], boxes.to(self.device)), dim=1).float()
        size = (mask_size, mask_size)
        crops = roi_align(self.tensor[:, None].float(), regions, size, 1.0, 0, aligned=True)
        return crops[:, 0] >= 0.5

    def get_bounding_boxes(self) -> Boxes:
        """Returns the tightest boxes around the foreground; an empty mask has one of zeros."""
        columns, rows = self.tensor.any(dim=1), self.tensor.any(dim=2)
        left, right = _find_extent(columns)
        top, bottom = _find_extent(rows)
        return Boxes(torch.stack((left, top, right, bottom), dim=1))


def _find_extent(occupied: Bool[Tensor, "N _"]) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
    """Returns the first occupied place and the one after the last, per row; zeros if none is."""
    length = occupied.shape[1]
    if length == 0 or len(occupied) == 0:
        zeros = occupied.new_zeros(len(occupied), dtype=torch.float32)
        return zeros, zeros
    places = torch.arange(length, device=occupied.device)
    first = torch.where(occupied, places, length).amin(dim=1)
    end = torch.where(occupied, places + 1, 0).amax(dim=1)
    return torch.minimum(first, end).float(), end.float()


def encode_masks(masks: Bool[Tensor, "N H W"]) -> list[RunLengths]:
    """Encodes every mask."""
    if not len(masks):
        return []
    stacked = np.asfortranarray(masks.cpu().permute(1, 2, 0).numpy().astype(np.uint8))
    found: list[RunLengths] = coco_mask.encode(stacked)
    return found
