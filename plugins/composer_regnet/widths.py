"""From the parameters of a RegNet to the depth and width of each stage."""

import math
from collections import Counter
from typing import NamedTuple

_WIDTH_STEP = 8  # widths are multiples of it


class StagePlan(NamedTuple):
    """The size of a stage.

    Args:
        num_blocks: number of blocks.
        width: output channels of every block.
        bottleneck_width: channels within a block.
        group_width: channels of each group of the 3x3 convolutions.
    """

    num_blocks: int
    width: int
    bottleneck_width: int
    group_width: int

    @property
    def num_groups(self) -> int:
        """Number of groups of the 3x3 convolutions."""
        return self.bottleneck_width // self.group_width


def plan_stages(
    *, depth: int, w_0: int, w_a: float, w_m: float, group_width: int, bottleneck_ratio: float
) -> list[StagePlan]:
    """Plans the stages of a network, which has as many as there are widths.

    Args:
        depth: number of blocks.
        w_0: width of the first block.
        w_a: increase of the width per block, before quantisation.
        w_m: factor between the widths of consecutive stages.
        group_width: channels of a group, at most those of a bottleneck.
        bottleneck_ratio: channels of a bottleneck over those of its block.

    Raises:
        ValueError: `w_0` is no multiple of 8, `w_m` does not exceed 1, or `bottleneck_ratio` is
            neither a fraction nor a whole number.
    """
    if w_0 % _WIDTH_STEP:
        raise ValueError(f"w_0 must be a multiple of {_WIDTH_STEP}, not {w_0}.")
    if w_m <= 1:
        raise ValueError(f"w_m must exceed 1, not {w_m}.")
    if bottleneck_ratio > 1 and bottleneck_ratio != int(bottleneck_ratio):
        raise ValueError(
            f"bottleneck_ratio must be a whole number where it exceeds 1, not {bottleneck_ratio}."
        )
    widths = [quantize_width(w_0 + w_a * block, w_0, w_m) for block in range(depth)]
    return [
        _fit_groups(count, width, group_width, bottleneck_ratio)
        for width, count in sorted(Counter(widths).items())
    ]


def quantize_width(width: float, w_0: int, w_m: float) -> int:
    """Returns the nearest power of `w_m` times `w_0`, as a multiple of 8.

    Radosavovic et al. 2020, equations 2 to 4.
    """
    exponent = round(math.log(width / w_0) / math.log(w_m))
    return round(w_0 * w_m**exponent / _WIDTH_STEP) * _WIDTH_STEP


def _fit_groups(num_blocks: int, width: int, group_width: int, ratio: float) -> StagePlan:
    """Changes the width to a multiple of the groups' width."""
    wanted = int(max(1, width * ratio))
    group_width = min(group_width, wanted)
    step = math.lcm(group_width, int(ratio)) if ratio > 1 else group_width
    bottleneck_width = max(step, round(wanted / step) * step)
    width = int(bottleneck_width / ratio)
    # As in the block itself: the rounded width may differ from the planned one.
    return StagePlan(num_blocks, width, round(width * ratio), group_width)
