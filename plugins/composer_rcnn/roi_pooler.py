"""Features of regions, all of one size.

Legend: R regions over all images, C channels, `_` a map's or a region's height and width.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import roi_align, roi_pool

from composer.ops import assign_levels, index_regions
from composer.structures import (
    Boxes,
    Features,
    RegionFeatures,
    TensorShape,
    find_pyramid_strides,
    pick_levels,
)


class ROIPooler(nn.Module):
    """Samples each region on a regular grid from the level that fits its size.

    RoIAlign: He et al. 2017, section 3; the choice of the level: Lin et al. 2017, equation 1.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take regions from; all by default. Their strides double.
        output_size: rows and columns of the grid; one number for both.
        pooler_type: `ROIAlignV2` samples at the exact places; `ROIAlign` half a cell off, as its
            first version did; `ROIPool` takes the maximum of whole cells (Girshick 2015).
        sampling_ratio: samples a cell of the grid in each direction; 0 for as many as there are
            cells of the map.
        canonical_box_size: a box of this side, in pixels, belongs to the canonical level.
        canonical_level: log2 of that level's stride.
        level_epsilon: how much below a level's border, in levels, a box still belongs to it;
            torchvision's poolers have 1e-6.

    Raises:
        ValueError: a level does not exist, or the strides of the levels do not double.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        output_size: int | tuple[int, int],
        pooler_type: Literal["ROIAlignV2", "ROIAlign", "ROIPool"] = "ROIAlignV2",
        sampling_ratio: int = 0,
        canonical_box_size: int = 224,
        canonical_level: int = 4,
        level_epsilon: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.output_size = (
            (output_size, output_size) if isinstance(output_size, int) else output_size
        )
        self.pooler_type = pooler_type
        self.sampling_ratio = sampling_ratio
        self.canonical_box_size = canonical_box_size
        self.canonical_level = canonical_level
        self.level_epsilon = level_epsilon
        self.strides = find_pyramid_strides(features_shape, self.in_features)
        self.channels = features_shape[self.in_features[0]].channels

    @property
    def output_shape(self) -> TensorShape:
        """The channels of the features, on the grid."""
        height, width = self.output_size
        return TensorShape(channels=self.channels, height=height, width=width)

    def forward(self, features: Features, boxes: list[Boxes]) -> RegionFeatures:
        """Returns the features of all images' boxes, image after image; there may be none.

        Raises:
            ValueError: the boxes are those of another number of images.
        """
        maps = [features[name] for name in self.in_features]
        if len(boxes) != len(maps[0]):
            raise ValueError(f"Boxes of {len(boxes)} images for features of {len(maps[0])}.")
        regions = index_regions(boxes).to(maps[0].device)
        if len(maps) == 1:
            return self._pool(maps[0], regions, self.strides[0])
        levels = assign_levels(
            regions[:, 1:],
            int(math.log2(self.strides[0])),
            int(math.log2(self.strides[-1])),
            self.canonical_box_size,
            self.canonical_level,
            self.level_epsilon,
        )
        pooled = maps[0].new_zeros(len(regions), maps[0].shape[1], *self.output_size)
        for level, (map_, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().squeeze(1)
            pooled[rows] = self._pool(map_, regions[rows], stride)
        return pooled

    def _pool(
        self, map_: Float[Tensor, "_ C _ _"], regions: Float[Tensor, "R 5"], stride: int
    ) -> Float[Tensor, "R C _ _"]:
        if map_.dtype == torch.bfloat16:  # the kernels do not know it
            return self._pool(map_.float(), regions, stride).bfloat16()
        regions = regions.to(map_.dtype)
        if self.pooler_type == "ROIPool":
            return roi_pool(map_, regions, self.output_size, 1.0 / stride)
        return roi_align(
            map_,
            regions,
            self.output_size,
            1.0 / stride,
            self.sampling_ratio,
            aligned=self.pooler_type == "ROIAlignV2",
        )
