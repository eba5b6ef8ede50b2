"""The feature pyramid network.

Legend: N images, C channels of the pyramid.
"""

import math
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import (
    MaxPoolTop,
    NormConv2d,
    NormName,
    Optimization,
    P6P7Top,
    fold_norms,
    init_xavier,
)
from composer.ranges import PositiveInt
from composer.structures import (
    Features,
    TensorShape,
    find_pyramid_strides,
    get_channels,
    pick_levels,
)


class FPN(nn.Module):
    """Adds each level's features to those of the coarser levels, from the top down.

    Level names are p and the binary logarithm of the stride: p2 has a stride of 4 (Lin et al.
    2017, section 3).

    Args:
        features_shape: the levels that come in.
        in_features: those that the pyramid is built on, all by default. Their strides double.
        out_channels: channels of every level.
        norm: name of the normalisation after each convolution; "" for none.
        fuse_type: whether the two ways are added, or averaged.
        top_block: what makes levels above: `maxpool` one of them (for an RPN), `p6p7` two
            (RetinaNet), "" none.
        top_block_in_feature: the level, of those that come in or go out, that the top block
            starts from. By default the last one of the pyramid for `maxpool`, and the last one
            of `in_features` for `p6p7`.

    Raises:
        ValueError: a level does not exist, or the strides of the levels do not double.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        out_channels: PositiveInt = 256,
        norm: NormName = "",
        fuse_type: Literal["sum", "avg"] = "sum",
        top_block: Literal["", "maxpool", "p6p7"] = "maxpool",
        top_block_in_feature: str | None = None,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        strides = find_pyramid_strides(features_shape, self.in_features)
        self._levels = tuple(int(math.log2(stride)) for stride in strides)
        self._averages = fuse_type == "avg"
        for name, level in zip(self.in_features, self._levels, strict=True):
            lateral = NormConv2d(get_channels(features_shape, name), out_channels, 1, norm=norm)
            output = NormConv2d(out_channels, out_channels, 3, padding=1, norm=norm)
            init_xavier(lateral)
            init_xavier(output)
            self.add_module(f"fpn_lateral{level}", lateral)
            self.add_module(f"fpn_output{level}", output)
        self._output_shape = {
            f"p{level}": TensorShape(channels=out_channels, stride=2**level)
            for level in self._levels
        }
        self.top_block: MaxPoolTop | P6P7Top | None = None
        if top_block:
            self._add_top_block(top_block, top_block_in_feature, features_shape, out_channels)

    def _add_top_block(
        self,
        kind: Literal["maxpool", "p6p7"],
        in_feature: str | None,
        features_shape: dict[str, TensorShape],
        out_channels: PositiveInt,
    ) -> None:
        default = f"p{self._levels[-1]}" if kind == "maxpool" else self.in_features[-1]
        self.top_block_in_feature = default if in_feature is None else in_feature
        sources = {**features_shape, **self._output_shape}
        if self.top_block_in_feature not in sources:
            raise ValueError(
                f"top_block_in_feature: there is no level '{self.top_block_in_feature}', only "
                f"{', '.join(sources)}."
            )
        channels = sources[self.top_block_in_feature].channels or out_channels
        self.top_block = (
            MaxPoolTop()
            if kind == "maxpool"
            else P6P7Top(in_channels=channels, out_channels=out_channels)
        )
        for _ in range(self.top_block.num_levels):
            level = self._levels[-1] + len(self._output_shape) - len(self._levels) + 1
            self._output_shape[f"p{level}"] = TensorShape(channels=out_channels, stride=2**level)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The pyramid's levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, features: Features) -> Features:
        """Returns the pyramid, finest level first.

        Raises:
            ValueError: a level is missing, or its size is not half of the level below.
        """
        fused: dict[str, Float[Tensor, "N C _ _"]] = {}
        above: Float[Tensor, "N C _ _"] | None = None
        for name, level in zip(reversed(self.in_features), reversed(self._levels), strict=True):
            lateral = self.get_submodule(f"fpn_lateral{level}")(features[name])
            above = lateral if above is None else self._fuse(lateral, above, name)
            fused[f"p{level}"] = self.get_submodule(f"fpn_output{level}")(above)
        pyramid = dict(reversed(fused.items()))
        if self.top_block is not None:
            sources = {**features, **pyramid}
            tops = self.top_block(sources[self.top_block_in_feature])
            names = list(self._output_shape)[len(pyramid) :]
            pyramid.update(zip(names, tops, strict=True))
        return pyramid

    def _fuse(
        self, lateral: Float[Tensor, "N C _ _"], above: Float[Tensor, "N C _ _"], name: str
    ) -> Float[Tensor, "N C _ _"]:
        upsampled = F.interpolate(above, scale_factor=2.0, mode="nearest")
        if lateral.shape != upsampled.shape:
            raise ValueError(
                f"Level '{name}' has {tuple(lateral.shape[-2:])} cells, but the level above it has "
                f"{tuple(above.shape[-2:])}, which is not half of it. Pad the images to a multiple "
                f"of {2 ** self._levels[-1]} pixels (size_divisibility)."
            )
        fused = lateral + upsampled
        return fused / 2 if self._averages else fused
