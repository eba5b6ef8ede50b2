"""Features of a pyramid at points.

Legend: N images, R regions over all images, P points of a region or image, C channels.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer.structures import (
    Boxes,
    Features,
    RegionFeatures,
    TensorShape,
    find_strides,
    get_channels,
    pick_levels,
)
from composer.translation import translated_by
from composer_point_rend.point_sampling import make_grid, place_points, sample_points
from composer_point_rend.point_types import PointFeatures, Points


@translated_by("composer_point_rend.onnx_translations:translate_grid_pooler")
class GridPooler(nn.Module):
    """Interpolates features at the points of a regular grid in each region.

    Levels do not depend on the regions' sizes: the features of all levels are side by side
    (Kirillov et al. 2020, appendix A).

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take features from; all by default.
        output_size: points of a row and of a column of the grid.

    Raises:
        ValueError: a level does not exist, or its channels or stride are not known.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        output_size: PositiveInt = 14,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.strides = find_strides(features_shape, self.in_features)
        self.channels = _sum_channels(features_shape, self.in_features)
        self.output_size = output_size

    @property
    def output_shape(self) -> TensorShape:
        """The channels of all levels, on the grid."""
        return TensorShape(self.channels, height=self.output_size, width=self.output_size)

    def forward(self, features: Features, boxes: list[Boxes]) -> RegionFeatures:
        """Returns the pooled regions.

        Args:
            features: the pyramid.
            boxes: the regions of every image.
        """
        maps = [features[name] for name in self.in_features]
        grid = make_grid(self.output_size, maps[0].device)
        points = grid.expand(sum(len(one) for one in boxes), -1, -1)
        pooled = _sample_regions(maps, self.strides, boxes, points)
        return pooled.view(*pooled.shape[:2], self.output_size, self.output_size)


@translated_by("composer_point_rend.onnx_translations:translate_region_point_features")
class RegionPointFeatures(nn.Module):
    """Interpolates features at points of each region, those of all levels side by side.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take features from; all by default.

    Raises:
        ValueError: a level does not exist, or its channels or stride are not known.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.strides = find_strides(features_shape, self.in_features)
        self.channels = _sum_channels(features_shape, self.in_features)

    @property
    def output_shape(self) -> TensorShape:
        """The channels of all levels."""
        return TensorShape(self.channels)

    def forward(self, features: Features, boxes: list[Boxes], points: Points) -> PointFeatures:
        """Returns the features of points.

        Args:
            features: the pyramid.
            boxes: the regions of every image.
            points: the points of each region.

        Raises:
            ValueError: the numbers of regions differ.
        """
        maps = [features[name] for name in self.in_features]
        return _sample_regions(maps, self.strides, boxes, points)


class PixelPointFeatures(nn.Module):
    """Interpolates features at points of each image, those of all levels side by side.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take features from; all by default.

    Raises:
        ValueError: a level does not exist, or its channels are not known.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.channels = _sum_channels(features_shape, self.in_features)

    @property
    def output_shape(self) -> TensorShape:
        """The channels of all levels."""
        return TensorShape(self.channels)

    def forward(self, features: Features, points: Points) -> PointFeatures:
        """Returns the features of points.

        Args:
            features: the pyramid.
            points: the points of each padded image.
        """
        found = [sample_points(features[name], points) for name in self.in_features]
        return torch.cat(found, dim=1)


def _sum_channels(shapes: Mapping[str, TensorShape], names: Sequence[str]) -> int:
    return sum(get_channels(shapes, name) for name in names)


def _sample_regions(
    maps: Sequence[Float[Tensor, "N _ _ _"]],
    strides: Sequence[int],
    boxes: Sequence[Boxes],
    points: Float[Tensor, "R P 2"],
) -> Float[Tensor, "R C P"]:
    """Interpolates maps at points of regions, image by image."""
    counts = [len(one) for one in boxes]
    if sum(counts) != len(points):
        raise ValueError(f"{sum(counts)} regions, but points of {len(points)}.")
    found = []
    for image, (one, within) in enumerate(zip(boxes, torch.split(points, counts), strict=True)):
        places = place_points(within, one.tensor.to(within.device))
        levels = []
        for map_, stride in zip(maps, strides, strict=True):
            height, width = map_.shape[2:]
            extent = places.new_tensor([width * stride, height * stride])
            flat = (places / extent).reshape(1, -1, 2)
            values = sample_points(map_[image : image + 1], flat)[0]
            levels.append(values.view(len(values), *within.shape[:2]).transpose(0, 1))
        found.append(torch.cat(levels, dim=1))
    channels = sum(map_.shape[1] for map_ in maps)
    return torch.cat(found) if found else maps[0].new_zeros(0, channels, points.shape[1])
