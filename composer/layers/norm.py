"""Normalisations by name.

Legend: N images, C channels.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers.frozen_batch_norm import FrozenBatchNorm2d

NormName: TypeAlias = Literal["", "BN", "SyncBN", "FrozenBN", "GN", "LN"]

_NUM_GROUPS = 32


class ChannelLayerNorm(nn.Module):
    """Normalises the channels of every place of a map (Ba et al. 2016; as in ConvNeXt).

    Args:
        num_channels: number of channels.
        eps: added to the variance.
    """

    def __init__(self, num_channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: Float[Tensor, "N C *_"]) -> Float[Tensor, "N C *_"]:
        """Returns the normalised map."""
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        shape = (-1,) + (1,) * (x.ndim - 2)
        x = (x - mean) * (variance + self.eps).rsqrt()
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)


def build_norm(name: NormName, num_channels: int) -> nn.Module | None:
    """Builds a normalisation.

    Args:
        name: "" for none, BN for batch normalisation, SyncBN for that over all processes,
            FrozenBN for that with fixed statistics, GN for groups of channels (32 of them,
            Wu and He 2018), LN for the channels of every place.
        num_channels: number of channels of the map.

    Raises:
        ValueError: there is none of that name, or GN does not divide the channels.
    """
    if name == "":
        return None
    if name not in _BUILDERS:
        raise ValueError(f"No normalisation is called '{name}': take one of {list(_BUILDERS)}.")
    return _BUILDERS[name](num_channels)


def _build_group_norm(num_channels: int) -> nn.Module:
    return nn.GroupNorm(_NUM_GROUPS, num_channels)


_BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "BN": nn.BatchNorm2d,
    "SyncBN": nn.SyncBatchNorm,
    "FrozenBN": FrozenBatchNorm2d,
    "GN": _build_group_norm,
    "LN": ChannelLayerNorm,
}
