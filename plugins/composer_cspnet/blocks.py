"""The parts of a CSPNet with concatenated residuals, as in NanoDet-g.

Legend: N images, C channels, H W height and width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, NormName, init_msra

Map = Float[Tensor, "N _ _ _"]


@dataclass(frozen=True)
class ConvStyle:
    """The options of all convolutions of a network.

    Args:
        norm: name of the normalisation; "" for none.
        negative_slope: slope of the activation, a leaky ReLU, below 0.
    """

    norm: NormName
    negative_slope: float


class ConcatResidual(nn.Module):
    """Two 3x3 convolutions; the outputs of both are concatenated, the second one first.

    Args:
        channels: channels of the input and of the output; each convolution has half of them.
        style: options of the convolutions.
    """

    def __init__(self, channels: int, style: ConvStyle) -> None:
        super().__init__()
        self.in_conv = build_conv(channels, channels // 2, style=style)
        self.mid_conv = build_conv(channels // 2, channels // 2, style=style)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Returns a map of the same shape."""
        first = self.in_conv(x)
        return torch.cat([self.mid_conv(first), first], dim=1)


class CspBlock(nn.Module):
    """A convolution, residual blocks, and a shortcut around them that is concatenated last.

    Args:
        in_channels: channels of the input; the output has twice as many.
        num_residuals: number of residual blocks.
        stride: of the first convolution.
        style: options of the convolutions.
    """

    def __init__(
        self, in_channels: int, *, num_residuals: int, stride: int, style: ConvStyle
    ) -> None:
        super().__init__()
        self.in_conv = build_conv(in_channels, in_channels, stride=stride, style=style)
        self.res_blocks = nn.Sequential(
            *(ConcatResidual(in_channels, style) for _ in range(num_residuals))
        )
        self.res_out_conv = build_conv(in_channels, in_channels, style=style)

    def forward(self, x: Map) -> Map:
        """Returns a map of twice the channels."""
        x = self.in_conv(x)
        return torch.cat([self.res_out_conv(self.res_blocks(x)), x], dim=1)


def build_conv(
    in_channels: int, out_channels: int, *, stride: int = 1, style: ConvStyle
) -> NormConv2d:
    """Builds a 3x3 convolution with a normalisation and a leaky ReLU."""
    conv = NormConv2d(
        in_channels,
        out_channels,
        3,
        stride=stride,
        padding=1,
        norm=style.norm,
        activation=nn.LeakyReLU(style.negative_slope),
    )
    init_msra(conv)
    return conv
