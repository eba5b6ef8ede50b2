"""The residual block with a deformable convolution.

Legend: N images.
"""

import torch
import torch.nn.functional as F
from torch import nn

from composer.layers import NormConv2d, NormDeformConv2d, NormName, init_msra
from composer_resnet.blocks import Map, build_shortcut

_KERNEL_SIZE = 3
_NUM_SAMPLES = _KERNEL_SIZE**2


class DeformBottleneckBlock(nn.Module):
    """A bottleneck whose 3x3 convolution is deformable (Dai et al. 2017; Zhu et al. 2019).

    The offsets come from a convolution beside it that starts with zeros: then nothing is moved,
    and every sample counts, or counts half where samples are weighted.

    Args:
        in_channels: channels of the input.
        bottleneck_channels: channels of the 3x3 convolution.
        out_channels: channels of the output.
        stride: of the block.
        stride_in_1x1: whether the first 1x1 convolution strides, rather than the 3x3 one.
        num_groups: groups of the 3x3 convolution.
        dilation: of the 3x3 convolution.
        norm: name of the normalisation.
        modulated: whether samples are weighted too (the second version).
        num_offset_groups: sets of offsets, each for as many channels.
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
        modulated: bool,
        num_offset_groups: int,
    ) -> None:
        super().__init__()
        stride_1x1, stride_3x3 = (stride, 1) if stride_in_1x1 else (1, stride)
        self._num_masks = _NUM_SAMPLES * num_offset_groups if modulated else 0
        self.shortcut = build_shortcut(in_channels, out_channels, stride, norm)
        self.conv1 = NormConv2d(
            in_channels, bottleneck_channels, 1, stride=stride_1x1, norm=norm, activation=F.relu
        )
        self.conv2_offset = nn.Conv2d(
            bottleneck_channels,
            2 * _NUM_SAMPLES * num_offset_groups + self._num_masks,
            _KERNEL_SIZE,
            stride=stride_3x3,
            padding=dilation,
            dilation=dilation,
        )
        self.conv2 = NormDeformConv2d(
            bottleneck_channels,
            bottleneck_channels,
            _KERNEL_SIZE,
            stride=stride_3x3,
            padding=dilation,
            dilation=dilation,
            groups=num_groups,
            offset_groups=num_offset_groups,
            norm=norm,
            activation=F.relu,
        )
        self.conv3 = NormConv2d(bottleneck_channels, out_channels, 1, norm=norm)
        init_msra(self.conv1)
        init_msra(self.conv3)
        for parameter in self.conv2_offset.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv3(self._sample(self.conv1(x))) + shortcut)

    def _sample(self, x: Map) -> Map:
        predicted = self.conv2_offset(x)
        if not self._num_masks:
            return self.conv2(x, predicted)
        num_offsets = predicted.shape[1] - self._num_masks
        offset, mask = torch.split(predicted, [num_offsets, self._num_masks], dim=1)
        return self.conv2(x, offset, mask.sigmoid())
