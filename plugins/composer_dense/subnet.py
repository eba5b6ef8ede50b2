"""The convolutions of a dense head, the same at every cell of every level, and their normalisation.

Legend: N images, C channels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormName, build_norm, init_normal
from composer.structures import TensorShape, find_channels


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


_STD = 0.01


class Subnet(nn.Module):
    """3x3 convolutions, each followed by a normalisation and a ReLU (Lin et al. 2017, figure 3).

    Layers are numbered as in detectron2's checkpoints, where a ReLU counts as a layer.

    Args:
        in_channels: channels of the features.
        num_convs: number of convolutions.
        conv_dim: their channels; -1 keeps those of the features.
        norm: name of the normalisation; BN and SyncBN have statistics for each level.
        num_levels: number of levels that are worked on.
    """

    def __init__(
        self, *, in_channels: int, num_convs: int, conv_dim: int, norm: NormName, num_levels: int
    ) -> None:
        super().__init__()
        channels = in_channels if conv_dim == -1 else conv_dim
        layers: list[nn.Module] = []
        for index in range(num_convs):
            conv = nn.Conv2d(channels if index else in_channels, channels, 3, padding=1)
            init_normal(conv, std=_STD)
            layers.append(conv)
            normalization = _build_norm(norm, channels, num_levels)
            if normalization is not None:
                layers.append(normalization)
            layers.append(nn.ReLU())
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)
        self.out_channels = channels if num_convs else in_channels

    def forward(self, x: Float[Tensor, "N _ _ _"], level: int) -> Float[Tensor, "N _ _ _"]:
        """Returns the convolved map of a level.

        Args:
            x: the map.
            level: the position of its level.
        """
        for layer in self.children():
            x = layer(x, level) if isinstance(layer, LevelBatchNorm) else layer(x)
        return x


def build_subnets(
    features_shape: Mapping[str, TensorShape],
    in_features: Sequence[str],
    *,
    num_convs: int,
    conv_dim: int,
    norm: NormName,
) -> tuple[Subnet, Subnet]:
    """Builds the two networks of a head, for classes and for boxes; see `Subnet`.

    Args:
        features_shape: the levels that there are.
        in_features: those that are worked on.
        num_convs: number of convolutions.
        conv_dim: their channels; -1 keeps those of the features.
        norm: name of the normalisation.

    Raises:
        ValueError: levels differ in channels.
    """
    channels = find_channels(features_shape, in_features)
    classes, boxes = (
        Subnet(
            in_channels=channels,
            num_convs=num_convs,
            conv_dim=conv_dim,
            norm=norm,
            num_levels=len(in_features),
        )
        for _ in range(2)
    )
    return classes, boxes


def build_predictor(in_channels: int, out_channels: int, probability: float = 0.5) -> nn.Conv2d:
    """Builds a 3x3 convolution that predicts logits (or offsets) of a cell.

    Args:
        in_channels: channels of its input.
        out_channels: numbers of a cell.
        probability: what the logits stand for at first. A small one keeps the loss of all the
            background from drowning the rest (Lin et al. 2017, section 4.1).
    """
    predictor = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    init_normal(predictor, std=_STD)
    assert predictor.bias is not None
    nn.init.constant_(predictor.bias, -math.log((1 - probability) / probability))
    return predictor


def _build_norm(norm: NormName, num_channels: int, num_levels: int) -> nn.Module | None:
    if norm in ("BN", "SyncBN"):
        return LevelBatchNorm(num_levels=num_levels, num_features=num_channels, kind=norm)
    return build_norm(norm, num_channels)
