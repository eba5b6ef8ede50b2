"""Features of rotated regions, all of one size.

Legend: R regions over all images, C channels, `_` a map's or a region's height and width.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from composer.ops import find_pooled_levels, index_rotated_regions, roi_align_rotated
from composer.ranges import PositiveInt
from composer.structures import (
    Features,
    RegionFeatures,
    RotatedBoxes,
    TensorShape,
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
        output_size: PositiveInt | tuple[PositiveInt, PositiveInt],
        pooler_type: Literal["ROIAlignRotated"] = "ROIAlignRotated",
        sampling_ratio: int = 0,
        canonical_box_size: PositiveInt = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.levels = find_pooled_levels(
            features_shape,
            in_features,
            output_size,
            canonical_box_size=canonical_box_size,
            canonical_level=canonical_level,
        )
        self.pooler_type = pooler_type
        self.sampling_ratio = sampling_ratio

    @property
    def output_shape(self) -> TensorShape:
        """The channels of the features, on the grid."""
        return self.levels.output_shape

    def forward(self, features: Features, boxes: list[RotatedBoxes]) -> RegionFeatures:
        """Returns the features of all images' boxes, image after image; there may be none.

        Raises:
            ValueError: the boxes are those of another number of images.
        """
        areas = RotatedBoxes.cat(boxes).area()
        regions = index_rotated_regions(boxes)
        return self.levels.pool(features, regions, areas, len(boxes), self._pool)

    def _pool(
        self, map_: Float[Tensor, "_ C _ _"], regions: Float[Tensor, "R 6"], stride: int
    ) -> Float[Tensor, "R C _ _"]:
        return roi_align_rotated(
            map_, regions, self.levels.output_size, 1.0 / stride, self.sampling_ratio
        )
