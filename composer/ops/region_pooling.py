"""Regions of several images, each taken from the level of a pyramid that fits its size.

Legend: R regions over all images, C channels. `_` is a map's or a region's height and width, or
the numbers of a region.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.structures import TensorShape, find_channels, find_pyramid_strides, pick_levels

Sampling = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class PooledLevels:
    """The levels that regions are pooled from, and the size that they are pooled to.

    Args:
        names: the levels, finest first.
        strides: theirs, in pixels.
        channels: theirs, if known.
        output_size: rows and columns that a region becomes.
        canonical_box_size: a square of this side, in pixels, belongs to the canonical level.
        canonical_level: log2 of that level's stride.
        level_epsilon: how much below a level's border, in levels, a region still belongs to it.
    """

    names: tuple[str, ...]
    strides: list[int]
    channels: int | None
    output_size: tuple[int, int]
    canonical_box_size: int = 224
    canonical_level: int = 4
    level_epsilon: float = 0.0

    @property
    def output_shape(self) -> TensorShape:
        """The channels of the levels, on the grid of a region."""
        height, width = self.output_size
        return TensorShape(channels=self.channels, height=height, width=width)

    def pool(
        self,
        features: Mapping[str, Float[Tensor, "_ C _ _"]],
        regions: Float[Tensor, "R _"],
        areas: Float[Tensor, "R"],
        num_images: int,
        sample: Sampling,
    ) -> Float[Tensor, "R C _ _"]:
        """Takes each region from the level that fits it (Lin et al. 2017, equation 1).

        Args:
            features: the maps of all levels.
            regions: the number of its image, then its box.
            areas: in square pixels.
            num_images: how many images the regions are of.
            sample: (map, its regions, its stride) -> R x C x rows x columns.

        Raises:
            ValueError: the regions are those of another number of images.
        """
        maps = [features[name] for name in self.names]
        if num_images != len(maps[0]):
            raise ValueError(f"Boxes of {num_images} images for features of {len(maps[0])}.")
        regions = regions.to(maps[0].device)
        if len(maps) == 1:
            return sample(maps[0], regions, self.strides[0])
        levels = assign_levels(
            areas.to(maps[0].device),
            int(math.log2(self.strides[0])),
            int(math.log2(self.strides[-1])),
            self.canonical_box_size,
            self.canonical_level,
            self.level_epsilon,
        )
        pooled = maps[0].new_zeros(len(regions), maps[0].shape[1], *self.output_size)
        for level, (map_, stride) in enumerate(zip(maps, self.strides, strict=True)):
            rows = (levels == level).nonzero().squeeze(1)
            pooled[rows] = sample(map_, regions[rows], stride)
        return pooled


def find_pooled_levels(
    features_shape: Mapping[str, TensorShape],
    in_features: tuple[str, ...] | None,
    output_size: int | tuple[int, int],
    *,
    canonical_box_size: int,
    canonical_level: int,
    level_epsilon: float = 0.0,
) -> PooledLevels:
    """Picks the levels that regions are taken from.

    Args:
        features_shape: the levels that there are.
        in_features: those to take regions from; None for all. Their strides double.
        output_size: rows and columns that a region becomes; one number for both.
        canonical_box_size: see `PooledLevels`.
        canonical_level: see `PooledLevels`.
        level_epsilon: see `PooledLevels`.

    Raises:
        ValueError: a level does not exist, the strides of the levels do not double, or they
            differ in channels.
    """
    names = pick_levels(features_shape, in_features)
    alone = features_shape[names[0]].channels
    return PooledLevels(
        names,
        find_pyramid_strides(features_shape, names),
        alone if len(names) == 1 else find_channels(features_shape, names),
        (output_size, output_size) if isinstance(output_size, int) else output_size,
        canonical_box_size,
        canonical_level,
        level_epsilon,
    )


# Keeps the logarithm of a box without area finite.
_EPSILON = 1e-8


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
