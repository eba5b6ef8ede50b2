"""The parts of a residual network.

Legend: N images, C channels, H W height and width.

Weights are named as in detectron2. The last normalisation of a block does not start at zero, as
it does in other places: pretrained weights replace it anyhow.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, NormName, init_msra

Map = Float[Tensor, "N _ _ _"]


class Stem(nn.Module):
    """A 7x7 convolution and a max pooling, each halving the resolution.

    Args:
        in_channels: channels of the images.
        out_channels: channels of the output.
        norm: name of the normalisation.
    """

    stride = 4

    def __init__(self, *, in_channels: int, out_channels: int, norm: NormName) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.conv1 = NormConv2d(in_channels, out_channels, 7, stride=2, padding=3, norm=norm)
        init_msra(self.conv1)

    def forward(self, x: Map) -> Map:
        """Returns a map at a quarter of the resolution."""
        return F.max_pool2d(F.relu(self.conv1(x)), kernel_size=3, stride=2, padding=1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: the block of ResNet-18 and -34.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution and of the shortcut.
        norm: name of the normalisation.
    """

    def __init__(self, *, in_channels: int, out_channels: int, stride: int, norm: NormName) -> None:
        super().__init__()
        self.shortcut = build_shortcut(in_channels, out_channels, stride, norm)
        self.conv1 = NormConv2d(
            in_channels, out_channels, 3, stride=stride, padding=1, norm=norm, activation=F.relu
        )
        self.conv2 = NormConv2d(out_channels, out_channels, 3, padding=1, norm=norm)
        init_msra(self.conv1)
        init_msra(self.conv2)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv2(self.conv1(x)) + shortcut)


class BottleneckBlock(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution beside a shortcut: the block of ResNet-50 and deeper.

    Args:
        in_channels: channels of the input.
        bottleneck_channels: channels of the 3x3 convolution.
        out_channels: channels of the output.
        stride: of the block.
        stride_in_1x1: whether the first 1x1 convolution strides (MSRA's weights), rather than
            the 3x3 one (ResNeXt's, and those of Facebook's torch models).
        num_groups: groups of the 3x3 convolution.
        dilation: of the 3x3 convolution.
        norm: name of the normalisation.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        bottleneck_channels: int,
        out_channels: int,
        stride: int,
        stride_in_1x1: bool,
        num_groups: int,
        dilation: int,
        norm: NormName,
    ) -> None:
        super().__init__()
        stride_1x1, stride_3x3 = (stride, 1) if stride_in_1x1 else (1, stride)
        self.shortcut = build_shortcut(in_channels, out_channels, stride, norm)
        self.conv1 = NormConv2d(
            in_channels, bottleneck_channels, 1, stride=stride_1x1, norm=norm, activation=F.relu
        )
        self.conv2 = NormConv2d(
            bottleneck_channels,
            bottleneck_channels,
            3,
            stride=stride_3x3,
            padding=dilation,
            dilation=dilation,
            groups=num_groups,
            norm=norm,
            activation=F.relu,
        )
        self.conv3 = NormConv2d(bottleneck_channels, out_channels, 1, norm=norm)
        for conv in (self.conv1, self.conv2, self.conv3):
            init_msra(conv)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv3(self.conv2(self.conv1(x))) + shortcut)


def build_shortcut(
    in_channels: int, out_channels: int, stride: int, norm: NormName
) -> NormConv2d | None:
    """Builds the 1x1 convolution beside a block, or none where the channels stay the same."""
    if in_channels == out_channels:
        return None
    shortcut = NormConv2d(in_channels, out_channels, 1, stride=stride, norm=norm)
    init_msra(shortcut)
    return shortcut
