"""A heatmap of every keypoint within each region.

Legend: R regions over all images.
"""

import torch.nn.functional as F
from torch import nn

from composer.bounds import Count
from composer.layers import NormConv2d, init_msra
from composer.structures import KeypointLogits, RegionFeatures, TensorShape

_UPSAMPLING = 2  # of the transposed convolution, and of the interpolation after it


class KeypointHead(nn.Module):
    """Convolutions, an upsampling by 4, and a map for each keypoint (He et al. 2017, section 5).

    Args:
        x_shape: channels, rows and columns of the pooled regions.
        num_keypoints: keypoints of an object.
        conv_dims: channels of the 3x3 convolutions; may be none.

    Raises:
        ValueError: the number of channels is not known.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_keypoints: Count = 17,
        conv_dims: tuple[Count, ...] = (512,) * 8,
    ) -> None:
        super().__init__()
        if x_shape.channels is None:
            raise ValueError(f"The channels of the regions' features are not known: {x_shape}.")
        self._x_shape = x_shape
        channels = x_shape.channels
        self._conv_names = [f"conv_fcn{index + 1}" for index in range(len(conv_dims))]
        for name, dim in zip(self._conv_names, conv_dims, strict=True):
            conv = NormConv2d(channels, dim, 3, padding=1, activation=F.relu)
            init_msra(conv)
            self.add_module(name, conv)
            channels = dim
        self.score_lowres = nn.ConvTranspose2d(
            channels, num_keypoints, 4, stride=_UPSAMPLING, padding=1
        )
        init_msra(self.score_lowres)

    @property
    def output_shape(self) -> TensorShape:
        """A channel a keypoint, at four times the resolution."""
        height, width = self._x_shape.height, self._x_shape.width
        return TensorShape(
            channels=self.score_lowres.out_channels,
            height=None if height is None else _UPSAMPLING**2 * height,
            width=None if width is None else _UPSAMPLING**2 * width,
        )

    def forward(self, x: RegionFeatures) -> KeypointLogits:
        """Returns the logits of each keypoint's place, in every region."""
        for name in self._conv_names:
            x = self.get_submodule(name)(x)
        x = self.score_lowres(x)
        if len(x) == 0:  # interpolation refuses to work on nothing
            return x.repeat_interleave(_UPSAMPLING, dim=2).repeat_interleave(_UPSAMPLING, dim=3)
        return F.interpolate(x, scale_factor=_UPSAMPLING, mode="bilinear", align_corners=False)
