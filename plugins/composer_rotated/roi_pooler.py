"""Features of rotated regions, all of one size.

Legend: R regions over all images.
"""

import math
from typing import Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.ops import assign_levels_by_area, index_rotated_regions, roi_align_rotated
from composer.structures import (
    Features,
    RegionFeatures,
    RotatedBoxes,
    TensorShape,
    find_pyramid_strides,
    pick_levels,
)


class RotatedROIPooler(nn.Module):
    """Samples each rotated region on a grid that is turned with it, from the level that fits.

    RoIAlign: He et al. 2017, section 3; the choice of the level: Lin et al. 2017, equation 1.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take regions from; all by default. Their strides double.
        output_size: rows and columns of the grid; one number for both.
        pooler_type: there is one.
        sampling_ratio: samples a cell of the grid in each direction; 0 for as many as there are
            cells of the map.
        canonical_box_size: a square of this side, in pixels, belongs to the canonical level.
        canonical_level: log2 of that level's stride.

    Raises:
        ValueError: a level does not exist, or the strides of the levels do not double.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        output_size: int | tuple[int, int],
        pooler_type: Literal["ROIAlignRotated"] = "ROIAlignRotated",
        sampling_ratio: int = 0,
        canonical_box_size: int = 224,
        canonical_level: int = 4,
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
        self.strides = find_pyramid_strides(features_shape, self.in_features)
        self.channels = features_shape[self.in_features[0]].channels

    @property
    def output_shape(self) -> TensorShape:
        """The channels of the features, on the grid."""
        height, width = self.output_size
        return TensorShape(channels=self.channels, height=height, width=width)

    def forward(self, features: Features, boxes: list[RotatedBoxes]) -> RegionFeatures:
        """Returns the features of all images' boxes, image after image; there may be none."""
        maps = [features[name] for name in self.in_features]
        regions = index_rotated_regions(boxes).to(maps[0].device)
        levels = self._assign_levels(regions)
        pooled = maps[0].new_zeros(len(regions), maps[0].shape[1], *self.output_size)
        for level, (map_, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().squeeze(1)
            pooled[rows] = roi_align_rotated(
                map_, regions[rows], self.output_size, 1.0 / stride, self.sampling_ratio
            )
        return pooled

    def _assign_levels(self, regions: Float[Tensor, "R 6"]) -> Int[Tensor, "R"]:
        return assign_levels_by_area(
            regions[:, 3] * regions[:, 4],
            int(math.log2(self.strides[0])),
            int(math.log2(self.strides[-1])),
            self.canonical_box_size,
            self.canonical_level,
        )
