"""A coarse mask within each region, by fully connected layers.

Legend: R regions over all images.
"""

import torch
import torch.nn.functional as F
from torch import nn

from composer.layers import init_msra, init_normal, init_xavier
from composer.ranges import PositiveInt
from composer.structures import MaskLogits, RegionFeatures, TensorShape


class CoarseMaskHead(nn.Module):
    """Halves the resolution, then predicts all masks of a region at once.

    Kirillov et al. 2020, appendix A. Where there are more channels than `conv_dim`, a 1x1
    convolution reduces them first.

    Args:
        x_shape: channels, rows and columns of the pooled regions.
        num_classes: number of classes, without the background.
        conv_dim: channels of the convolutions.
        fc_dims: channels of the fully connected layers, at least one.
        output_size: rows and columns of a mask.

    Raises:
        ValueError: the size of regions is not known or odd, or there is no layer.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: PositiveInt,
        conv_dim: PositiveInt = 256,
        fc_dims: tuple[PositiveInt, ...] = (1024, 1024),
        output_size: PositiveInt = 7,
    ) -> None:
        super().__init__()
        channels, height, width = x_shape.channels, x_shape.height, x_shape.width
        if channels is None or height is None or width is None:
            raise ValueError(f"The size of the regions' features is not known: {x_shape}.")
        if channels < conv_dim:
            raise ValueError(f"conv_dim is {conv_dim}, but features have {channels} channels.")
        if height % 2 or width % 2:
            raise ValueError(f"Regions of {height} x {width} cells cannot be halved.")
        if not fc_dims:
            raise ValueError("fc_dims names no layer.")
        self.reduce_channel_dim_conv: nn.Conv2d | None = None
        if channels > conv_dim:
            self.reduce_channel_dim_conv = nn.Conv2d(channels, conv_dim, 1)
            init_msra(self.reduce_channel_dim_conv)
        self.reduce_spatial_dim_conv = nn.Conv2d(conv_dim, conv_dim, 2, stride=2)
        init_msra(self.reduce_spatial_dim_conv)
        size = conv_dim * (height // 2) * (width // 2)
        for index, dim in enumerate(fc_dims):
            layer = nn.Linear(size, dim)
            init_xavier(layer)
            self.add_module(f"fc{index + 1}", layer)
            size = dim
        self._num_layers = len(fc_dims)
        self._mask_shape = (num_classes, output_size, output_size)
        self.prediction = nn.Linear(size, num_classes * output_size**2)
        init_normal(self.prediction, std=0.001)

    @property
    def output_shape(self) -> TensorShape:
        """A channel a class, at the resolution of the masks."""
        return TensorShape(*self._mask_shape)

    def forward(self, x: RegionFeatures) -> MaskLogits:
        """Returns the logits of each class's mask in every region."""
        if self.reduce_channel_dim_conv is not None:
            x = F.relu(self.reduce_channel_dim_conv(x))
        x = torch.flatten(F.relu(self.reduce_spatial_dim_conv(x)), start_dim=1)
        for index in range(self._num_layers):
            x = F.relu(self.get_submodule(f"fc{index + 1}")(x))
        return self.prediction(x).view(-1, *self._mask_shape)  # of any number, in a trace, too
