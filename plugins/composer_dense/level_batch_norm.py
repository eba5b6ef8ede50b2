"""Batch normalisation of layers that several levels share.

Legend: N images, C channels.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LevelBatchNorm(nn.Module):
    """Normalises each level with statistics of its own; scale and shift are shared.

    Levels differ in their statistics, so that common ones fit none of them (Wu and Johnson 2021,
    section 5.2). The weights are named as in detectron2: those of a level by its number.

    Args:
        num_levels: number of levels.
        num_features: number of channels.
        kind: BN for batch normalisation, SyncBN for that over all processes.
    """

    def __init__(
        self, *, num_levels: int, num_features: int, kind: Literal["BN", "SyncBN"] = "BN"
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if kind == "BN" else nn.SyncBatchNorm
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        for level in range(num_levels):
            self.add_module(str(level), norm(num_features, affine=False))

    def forward(self, x: Float[Tensor, "N C _ _"], level: int) -> Float[Tensor, "N C _ _"]:
        """Returns the normalised map of a level.

        Args:
            x: the map.
            level: the position of its level.
        """
        normalized = self.get_submodule(str(level))(x)
        return normalized * self.weight[:, None, None] + self.bias[:, None, None]
