"""The head of an RPN: objectness and box offsets at every cell.

Legend: N images. `_` is the numbers of a cell, and a level's height and width.
"""

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, Optimization, fold_norms, init_normal
from composer.ranges import Channels, PositiveInt
from composer.structures import (
    AnchorDeltas,
    Features,
    Objectness,
    TensorShape,
    find_channels,
    pick_levels,
)


class RPNPredictions(NamedTuple):
    """Predictions for every anchor.

    Args:
        objectness: logits per level, N x A x H x W.
        deltas: box offsets per level, N x (A * box_dim) x H x W.
    """

    objectness: Objectness
    deltas: AnchorDeltas


class RPNHead(nn.Module):
    """Slides a small network over all levels, with the same weights (Ren et al. 2015, 3.1).

    Args:
        features_shape: the levels that come in, of equal channels.
        in_features: the levels to work on; all by default.
        num_anchors: anchors at each cell (sizes times aspect ratios of a level).
        conv_dims: channels of the 3x3 convolutions; -1 keeps those of the features.
        box_dim: offsets of an anchor.

    Raises:
        ValueError: a level does not exist, levels differ in channels, or there is no convolution.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        num_anchors: PositiveInt = 3,
        conv_dims: tuple[Channels, ...] = (-1,),
        box_dim: PositiveInt = 4,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        channels = find_channels(features_shape, self.in_features)
        if not conv_dims:
            raise ValueError("conv_dims names no convolution: there is at least one.")
        convs = []
        for dim in conv_dims:
            out_channels = channels if dim == -1 else dim
            convs.append(NormConv2d(channels, out_channels, 3, padding=1, activation=F.relu))
            channels = out_channels
        # Checkpoints call a single convolution `conv`, several `conv.conv0`, `conv.conv1`, ...
        self.conv = convs[0] if len(convs) == 1 else _name_convs(convs)
        self.objectness_logits = nn.Conv2d(channels, num_anchors, 1)
        self.anchor_deltas = nn.Conv2d(channels, num_anchors * box_dim, 1)
        for layer in (*convs, self.objectness_logits, self.anchor_deltas):
            init_normal(layer, std=0.01)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms, float32_outputs=("objectness", "deltas"))

    def forward(self, features: Features) -> RPNPredictions:
        """Returns objectness and box offsets of all anchors, level by level."""
        objectness: list[Float[Tensor, "N _ _ _"]] = []
        deltas: list[Float[Tensor, "N _ _ _"]] = []
        for name in self.in_features:
            hidden = self.conv(features[name])
            objectness.append(self.objectness_logits(hidden))
            deltas.append(self.anchor_deltas(hidden))
        return RPNPredictions(objectness, deltas)


def _name_convs(convs: list[NormConv2d]) -> nn.Sequential:
    sequence = nn.Sequential()
    for index, conv in enumerate(convs):
        sequence.add_module(f"conv{index}", conv)
    return sequence
