"""Where maps lie on an image.

Legend: R regions, H W height and width. `_` is a size of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """The image as the network sees it.

    Args:
        padded_size: (height, width) of the tensor that maps cover.
        inner_size: (height, width) of the image in it, at its upper left.
        output_size: (height, width) of the image as it is.
    """

    padded_size: tuple[int, int]
    inner_size: tuple[int, int]
    output_size: tuple[int, int]

    def place_map(self, level: Float[Tensor, "_ _"]) -> Float[Tensor, "H W"]:
        """A map over the whole padded image as a density over the image: its sum stays.

        Args:
            level: what counts at each cell.
        """
        height, width = self.padded_size
        cell = height * width / max(1, level.numel())
        return self._scale(_resize(level, (height, width)) / cell)

    def place_regions(
        self, maps: Float[Tensor, "R _ _"], boxes: Float[Tensor, "R 4"]
    ) -> Float[Tensor, "H W"]:
        """Maps over boxes as one density over the image.

        Args:
            maps: what counts at each cell of each box.
            boxes: XYXY in pixels of the network's image.
        """
        height, width = self.padded_size
        whole = torch.zeros(height, width)
        for level, box in zip(maps, boxes.round().long().tolist(), strict=True):
            left, top, right, bottom = box
            size = max(1, bottom - top), max(1, right - left)
            density = _resize(level, size) * (level.numel() / (size[0] * size[1]))
            y, x = max(0, -top), max(0, -left)
            top, left = max(0, top), max(0, left)
            inside = density[y : y + max(0, height - top), x : x + max(0, width - left)]
            whole[top : top + inside.shape[0], left : left + inside.shape[1]] += inside
        return self._scale(whole)

    def _scale(self, whole: Tensor) -> Tensor:
        """What lies on the image itself, at the size of the image."""
        inner = whole[: self.inner_size[0], : self.inner_size[1]]
        ratio = (inner.numel() or 1) / (self.output_size[0] * self.output_size[1])
        return _resize(inner, self.output_size) * ratio


def _resize(level: Float[Tensor, "_ _"], size: tuple[int, int]) -> Float[Tensor, "H W"]:
    if level.numel() == 0:
        return torch.zeros(size)
    stacked = level[None, None].float()
    return F.interpolate(stacked, size, mode="bilinear", align_corners=False)[0, 0]
