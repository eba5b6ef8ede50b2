"""Levels above those of a feature pyramid.

Legend: N images.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers.conv import init_xavier

Map = Float[Tensor, "N _ _ _"]


class MaxPoolTop(nn.Module):
    """One more level: every second cell of the last one (Lin et al. 2017, footnote 2).

    It has no weights.
    """

    num_levels = 1

    def forward(self, x: Map) -> list[Map]:
        """Returns the level above `x`."""
        return [F.max_pool2d(x, kernel_size=1, stride=2)]


class P6P7Top(nn.Module):
    """Two more levels by convolutions with a stride of 2 (RetinaNet, Lin et al. 2017).

    Args:
        in_channels: channels of the level that P6 comes from.
        out_channels: channels of P6 and P7.
    """

    num_levels = 2

    def __init__(self, *, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, stride=2, padding=1)
        init_xavier(self.p6)
        init_xavier(self.p7)

    def forward(self, x: Map) -> list[Map]:
        """Returns the two levels above `x`."""
        p6 = self.p6(x)
        return [p6, self.p7(F.relu(p6))]
