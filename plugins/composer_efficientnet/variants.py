"""From the name of a variant to its blocks.

Tan and Le 2019, table 1, in the Lite version of 2020: no squeeze-and-excitation, ReLU6 for swish,
and the stem, the head and the number of blocks in the first and last stages are not scaled. The
published weights learned from images of 224, 240, 260, 280 and 300 pixels, lite0 to lite4.
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

Variant: TypeAlias = Literal["lite0", "lite1", "lite2", "lite3", "lite4"]

STEM_CHANNELS = 32

_DIVISOR = 8


class _Scaling(NamedTuple):
    """Factors of the channels and of the number of blocks."""

    width: float
    depth: float


class _Stage(NamedTuple):
    num_blocks: int
    kernel_size: int
    stride: int
    expansion: int
    channels: int


class BlockPlan(NamedTuple):
    """One inverted residual block.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the depthwise kernel.
        stride: of the depthwise convolution.
        expansion: how many times as many channels it has inside.
    """

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    expansion: int


_SCALINGS: dict[Variant, _Scaling] = {
    "lite0": _Scaling(1.0, 1.0),
    "lite1": _Scaling(1.0, 1.1),
    "lite2": _Scaling(1.1, 1.2),
    "lite3": _Scaling(1.2, 1.4),
    "lite4": _Scaling(1.4, 1.8),
}

_STAGES = (
    _Stage(num_blocks=1, kernel_size=3, stride=1, expansion=1, channels=16),
    _Stage(num_blocks=2, kernel_size=3, stride=2, expansion=6, channels=24),
    _Stage(num_blocks=2, kernel_size=5, stride=2, expansion=6, channels=40),
    _Stage(num_blocks=3, kernel_size=3, stride=2, expansion=6, channels=80),
    _Stage(num_blocks=3, kernel_size=5, stride=1, expansion=6, channels=112),
    _Stage(num_blocks=4, kernel_size=5, stride=2, expansion=6, channels=192),
    _Stage(num_blocks=1, kernel_size=3, stride=1, expansion=6, channels=320),
)


def plan_blocks(variant: Variant) -> Iterator[BlockPlan]:
    """Yields the blocks of a variant, from the stem on."""
    scaling = _SCALINGS[variant]
    in_channels = STEM_CHANNELS
    for stage in _STAGES:
        channels = _scale_channels(stage.channels, scaling.width)
        is_fixed = stage in (_STAGES[0], _STAGES[-1])
        num_blocks = stage.num_blocks if is_fixed else math.ceil(stage.num_blocks * scaling.depth)
        for index in range(num_blocks):
            stride = stage.stride if index == 0 else 1
            yield BlockPlan(in_channels, channels, stage.kernel_size, stride, stage.expansion)
            in_channels = channels


def _scale_channels(channels: int, width: float) -> int:
    """Returns the nearest multiple of 8, but not less than nine tenths of the argument."""
    wanted = channels * width
    nearest = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest + _DIVISOR if nearest < 0.9 * wanted else nearest
