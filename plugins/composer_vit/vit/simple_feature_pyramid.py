"""The simple feature pyramid: all levels from one map."""

import math
from typing import Literal

from torch import nn

from composer.layers import (
    MaxPoolTop,
    NormConv2d,
    NormName,
    Optimization,
    P6P7Top,
    build_norm,
    fold_norms,
)
from composer.ranges import Positive, PositiveInt
from composer.structures import Features, TensorShape, pick_levels

_SCALES = (4.0, 2.0, 1.0, 0.5)


class SimpleFeaturePyramid(nn.Module):
    """Makes each level of a pyramid from the last map of a plain backbone (Li et al. 2022, ViTDet).

    Levels are named as in `fpn`: p2 has a stride of 4.

    Args:
        features_shape: the levels that come in.
        in_feature: the one to build on; the last one by default.
        out_channels: channels of every level.
        scale_factors: resolution of each level relative to the map's, finest first.
        norm: name of the normalisation after each convolution; "" for none.
        top_block: what makes levels above: `maxpool` one of them (for an RPN), `p6p7` two
            (RetinaNet), "" none. It starts from the last level.

    Raises:
        ValueError: the level does not exist, or there are no scales, or not from the finest on.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_feature: str | None = None,
        out_channels: PositiveInt = 256,
        scale_factors: tuple[Positive, ...] = (4.0, 2.0, 1.0, 0.5),
        norm: NormName = "LN",
        top_block: Literal["", "maxpool", "p6p7"] = "maxpool",
    ) -> None:
        super().__init__()
        names = None if in_feature is None else (in_feature,)
        self.in_feature = pick_levels(features_shape, names)[-1]
        channels, stride = _read_shape(self.in_feature, features_shape[self.in_feature])
        self._output_shape: dict[str, TensorShape] = {}
        level = 0
        for scale in _check_scales(scale_factors):
            level = int(math.log2(stride / scale))
            layers = _build_level(channels, out_channels, scale, norm)
            self.add_module(f"simfp_{level}", layers)
            self._output_shape[f"p{level}"] = TensorShape(out_channels, stride=2**level)
        self._names = tuple(self._output_shape)
        self.top_block = _build_top(top_block, out_channels)
        for index in range(0 if self.top_block is None else self.top_block.num_levels):
            above = level + 1 + index
            self._output_shape[f"p{above}"] = TensorShape(out_channels, stride=2**above)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The pyramid's levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, features: Features) -> Features:
        """Returns the pyramid, finest level first."""
        x = features[self.in_feature]
        pyramid: Features = {
            name: self.get_submodule(f"simfp_{name.removeprefix('p')}")(x) for name in self._names
        }
        if self.top_block is not None:
            tops = self.top_block(pyramid[self._names[-1]])
            names = list(self._output_shape)[len(self._names) :]
            pyramid.update(zip(names, tops, strict=True))
        return pyramid


def _read_shape(name: str, shape: TensorShape) -> tuple[int, int]:
    """Returns channels and stride of a level."""
    if shape.channels is None or shape.stride is None:
        raise ValueError(f"The channels or the stride of '{name}' are not known.")
    if shape.stride & (shape.stride - 1):
        raise ValueError(f"The stride of '{name}' is {shape.stride}, which is no power of two.")
    return shape.channels, shape.stride


def _check_scales(scales: tuple[float, ...]) -> tuple[float, ...]:
    if not scales or any(scale not in _SCALES for scale in scales):
        raise ValueError(f"scale_factors are some of {list(_SCALES)}, not {list(scales)}.")
    if list(scales) != sorted(set(scales), reverse=True):
        raise ValueError(f"scale_factors go from the finest level on, these are {list(scales)}.")
    return scales


def _build_level(channels: int, out_channels: int, scale: float, norm: NormName) -> nn.Sequential:
    """Builds what changes the resolution, then a 1x1 and a 3x3 convolution."""
    layers: list[nn.Module] = []
    if scale == 4.0:
        half = channels // 2
        layers = [_double(channels, half), build_norm(norm, half) or nn.Identity(), nn.GELU()]
        layers.append(_double(half, channels // 4))
        channels //= 4
    elif scale == 2.0:
        layers = [_double(channels, channels // 2)]
        channels //= 2
    elif scale == 0.5:
        layers = [nn.MaxPool2d(kernel_size=2, stride=2)]
    return nn.Sequential(
        *layers,
        NormConv2d(channels, out_channels, 1, norm=norm),
        NormConv2d(out_channels, out_channels, 3, padding=1, norm=norm),
    )


def _double(channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, out_channels, kernel_size=2, stride=2)


def _build_top(name: str, channels: int) -> MaxPoolTop | P6P7Top | None:
    if name == "maxpool":
        return MaxPoolTop()
    return P6P7Top(in_channels=channels, out_channels=channels) if name else None
