"""Assignment of regions to levels of a feature pyramid.

Legend: R regions.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

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
