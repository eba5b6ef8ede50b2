"""Pooling of region features to one size.

Legend: R regions over all images, C channels, `_` a map's or a region's height and width.
"""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.layers import Optimization
from composer.ops import (
    ROTATED,
    PoolingGrid,
    align_regions,
    can_pool_levels,
    find_box_kind,
    fits_kernel,
    fits_sums,
    index_regions,
    pool_levels,
    roi_align_rotated,
    sum_regions,
)
from composer.ranges import GridSide, NonNegative, PositiveInt, SamplingRatio
from composer.structures import (
    AnyBoxes,
    Features,
    RegionFeatures,
    TensorShape,
    check_size,
    find_channels,
    find_pyramid_strides,
    pick_levels,
)
from composer.translation import translated_by

# Keeps the logarithm of a box without area finite.
_EPSILON = 1e-8
# Of one region, in cells of a map; the CPU's kernel keeps several numbers for each of them, and
# their product overflows. A region of this side covers any image that fits in memory.
_MAX_SIDE = 8192

_PoolLevels: TypeAlias = Callable[..., Tensor]


@translated_by("composer_rcnn.onnx_regions:translate_roi_pooler")
class ROIPooler(nn.Module):
    """Samples each region on a regular grid from the level that fits its size.

    RoIAlign: He et al. 2017, section 3; the choice of the level: Lin et al. 2017, equation 1. The
    grid of a rotated region is turned with it.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to take regions from; all by default. Their strides double.
        output_size: rows and columns of the grid, 1024 at most; one number for both.
        pooler_type: `ROIAlignV2` samples at the exact places; `ROIAlign` half a cell off, as its
            first version did; `ROIPool` takes the maximum of whole cells (Girshick 2015).
            Rotated regions are sampled at the exact places.
        sampling_ratio: samples a cell of the grid in each direction; 0 for as many as there are
            cells of the map. At most 64.
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
        output_size: GridSide | tuple[GridSide, GridSide],
        pooler_type: Literal["ROIAlignV2", "ROIAlign", "ROIPool"] = "ROIAlignV2",
        sampling_ratio: SamplingRatio = 0,
        canonical_box_size: PositiveInt = 224,
        canonical_level: int = 4,
        level_epsilon: NonNegative = 0.0,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.strides = find_pyramid_strides(features_shape, self.in_features)
        alone = features_shape[self.in_features[0]].channels
        several = len(self.in_features) > 1
        self.channels = find_channels(features_shape, self.in_features) if several else alone
        self.output_size = (
            (output_size, output_size) if isinstance(output_size, int) else output_size
        )
        self.pooler_type = pooler_type
        self.sampling_ratio = sampling_ratio
        self.canonical_box_size = canonical_box_size
        self.canonical_level = canonical_level
        self.level_epsilon = level_epsilon
        self.way: Literal["operator", "sums", "kernel"] = "operator"

    @property
    def output_shape(self) -> TensorShape:
        """The channels of the features, on the grid."""
        height, width = self.output_size
        return TensorShape(channels=self.channels, height=height, width=width)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed: other ways to pool maps with their channels last."""
        way = "by a compiled kernel" if can_pool_levels() else "as sums of cells"
        return Optimization(
            fold=_use_kernel,
            any_precision=True,
            train_channels_last=_use_sums,
            note=f"regions pooled {way}",
        )

    def forward(self, features: Features, boxes: list[AnyBoxes]) -> RegionFeatures:
        """Returns the features of all images' boxes, image after image; there may be none.

        Raises:
            ValueError: the boxes are those of another number of images, or rotated ones are to be
                sampled by another type than `ROIAlignV2`.
        """
        kind = find_box_kind(boxes)
        if kind is ROTATED and self.pooler_type != "ROIAlignV2":
            raise ValueError(
                f"pooler_type: {self.pooler_type} samples upright boxes; rotated ones have "
                "ROIAlignV2."
            )
        maps = [features[name] for name in self.in_features]
        if len(boxes) != len(maps[0]):
            raise ValueError(f"Boxes of {len(boxes)} images for features of {len(maps[0])}.")
        pool = self._pool_rotated if kind is ROTATED else self._pool
        regions = index_regions(boxes).to(maps[0].device)
        shape = (len(regions), maps[0].shape[1], *self.output_size)
        check_size(maps[0], shape, f"Features of {len(regions)} regions")
        levels = self._assign_levels(kind.structure.cat(boxes).area()) if len(maps) > 1 else None
        if (pool_all := self._find_way(maps, regions)) is not None:
            return self._pool_levels(pool_all, maps, regions, levels)
        if levels is None:
            return pool(maps[0], regions, self.strides[0])
        levels = levels.to(maps[0].device)
        pooled = maps[0].new_zeros(shape)
        for level, (map_, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().squeeze(1)
            pooled[rows] = pool(map_, regions[rows], stride)
        return pooled

    def _assign_levels(self, areas: Float[Tensor, "R"]) -> Int[Tensor, "R"]:
        return assign_levels(
            areas,
            int(math.log2(self.strides[0])),
            int(math.log2(self.strides[-1])),
            self.canonical_box_size,
            self.canonical_level,
            self.level_epsilon,
        )

    def _find_way(self, maps: list[Tensor], regions: Tensor) -> _PoolLevels | None:
        """What pools all levels at once; None if torchvision's operator is to pool each."""
        if self.way == "operator" or regions.shape[1] != 5 or self.pooler_type == "ROIPool":
            return None
        if self.way == "kernel" and fits_kernel(maps, regions):
            return pool_levels
        return sum_regions if fits_sums(maps, regions) else None

    def _pool_levels(
        self,
        pool_all: _PoolLevels,
        maps: list[Float[Tensor, "_ C _ _"]],
        regions: Float[Tensor, "R 5"],
        levels: Int[Tensor, "R"] | None,
    ) -> Float[Tensor, "R C _ _"]:
        _check_extent(regions, self.strides[-1])
        grid = PoolingGrid(
            self.output_size, self.sampling_ratio, is_aligned=self.pooler_type == "ROIAlignV2"
        )
        return pool_all(maps, regions, levels, [1.0 / each for each in self.strides], grid)

    def _pool_rotated(
        self, map_: Float[Tensor, "_ C _ _"], regions: Float[Tensor, "R 6"], stride: int
    ) -> Float[Tensor, "R C _ _"]:
        return roi_align_rotated(map_, regions, self.output_size, 1.0 / stride, self.sampling_ratio)

    def _pool(
        self, map_: Float[Tensor, "_ C _ _"], regions: Float[Tensor, "R 5"], stride: int
    ) -> Float[Tensor, "R C _ _"]:
        if map_.dtype == torch.bfloat16:  # the kernels do not know it
            return self._pool(map_.float(), regions, stride).bfloat16()
        regions = regions.to(map_.dtype)
        _check_extent(regions, stride)
        if self.pooler_type == "ROIPool":
            from torchvision.ops import roi_pool  # takes as long to import as torch

            return roi_pool(map_, regions, self.output_size, 1.0 / stride)
        return align_regions(
            map_,
            regions,
            self.output_size,
            1.0 / stride,
            self.sampling_ratio,
            aligned=self.pooler_type == "ROIAlignV2",
        )


def _use_kernel(module: nn.Module) -> nn.Module:
    """Returns a pooler for inference: by the compiled kernel where it is installed, or by sums."""
    assert isinstance(module, ROIPooler)
    module.way = "kernel" if can_pool_levels() else "sums"
    return module


def _use_sums(module: nn.Module) -> None:
    """Has a pooler sum cells, whose gradient takes a fraction of the operator's time."""
    assert isinstance(module, ROIPooler)
    module.way = "sums"


def _check_extent(regions: Float[Tensor, "R 5"], stride: int) -> None:
    if regions.is_cuda or not len(regions):  # the kernels of GPUs keep nothing for each sample
        return
    side = float((regions[:, 3:] - regions[:, 1:3]).detach().nan_to_num(nan=0.0).max())
    if side > _MAX_SIDE * stride:
        raise ValueError(
            f"A box has a side of {side:.6g} pixels; {_MAX_SIDE * stride} is the limit at stride "
            f"{stride}."
        )


def assign_levels(
    areas: Float[Tensor, "R"],
    min_level: int,
    max_level: int,
    canonical_size: int = 224,
    canonical_level: int = 4,
    level_epsilon: float = 0.0,
) -> Int[Tensor, "R"]:
    """Picks a level by the size of each region (Lin et al. 2017, equation 1).

    Args:
        areas: of the regions, in square pixels.
        min_level: the finest level there is, as log2 of its stride.
        max_level: the coarsest.
        canonical_size: a square of this side in pixels belongs to ...
        canonical_level: ... this level; one twice as large belongs to the next.
        level_epsilon: how much below a level's border, in levels, a region still belongs to it.

    Returns:
        The level counted from `min_level`. A region whose size is no number gets 0.
    """
    size = torch.sqrt(areas)
    position = canonical_level + torch.log2(size / canonical_size + _EPSILON)
    levels = torch.floor(position + level_epsilon)
    levels = torch.nan_to_num(levels.clamp(min=min_level, max=max_level), nan=min_level)
    return levels.to(torch.int64) - min_level
