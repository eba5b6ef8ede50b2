"""The layers of NanoDet between its backbone and its last convolutions.

Legend: N images, C channels, H W height and width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from composer.layers import NormConv2d, NormName, Optimization, fold_norms, init_xavier
from composer.ranges import NonNegative, PositiveInt
from composer.structures import (
    Features,
    TensorShape,
    find_pyramid_strides,
    get_channels,
    pick_levels,
)
from composer_cspnet.blocks import ConvStyle, Map, build_conv


class DetectionMaps(nn.Module):
    """Makes the maps that a dense detector classifies from those of its backbone.

    A path aggregation network without convolutions (Liu et al. 2018; Lyu 2021) and one convolution
    of each level. Weights are those of NanoDet-g.

    Args:
        features_shape: the levels that come in.
        in_features: those that are used, all by default. Their strides double.
        channels: channels of each map.
        norm: name of the normalisation after the 3x3 convolutions; "" for none.
        negative_slope: slope of the activations below 0.

    Raises:
        ValueError: a level does not exist, or the strides of the levels do not double.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        channels: PositiveInt = 128,
        norm: NormName = "",
        negative_slope: NonNegative = 0.1,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        strides = find_pyramid_strides(features_shape, self.in_features)
        style = ConvStyle(norm, negative_slope)
        self.laterals, self.convs = nn.ModuleDict(), nn.ModuleDict()
        self._output_shape = {}
        for name, stride in zip(self.in_features, strides, strict=True):
            lateral = NormConv2d(get_channels(features_shape, name), channels, 1)
            init_xavier(lateral)
            self.laterals[name] = lateral
            self.convs[name] = build_conv(channels, channels, style=style)
            self._output_shape[name] = TensorShape(channels, stride=stride)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels that are used, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, features: Features) -> Features:
        """Returns a map of each level that is used."""
        maps = [self.laterals[name](features[name]) for name in self.in_features]
        for index in reversed(range(len(maps) - 1)):
            maps[index] = maps[index] + _resize_like(maps[index + 1], maps[index])
        for index in range(1, len(maps)):
            maps[index] = maps[index] + _resize_like(maps[index - 1], maps[index])
        return {
            name: self.convs[name](map_) for name, map_ in zip(self.in_features, maps, strict=True)
        }


def _resize_like(map_: Map, other: Tensor) -> Map:
    return F.interpolate(map_, size=other.shape[-2:], mode="bilinear", align_corners=False)
