"""A heatmap of every keypoint within each region.

Legend: R regions over all images.
"""

import torch.nn.functional as F
from torch import nn

from composer.layers import Optimization, fold_norms, init_msra
from composer.ranges import PositiveInt
from composer.structures import KeypointLogits, RegionFeatures, TensorShape
from composer_rcnn.region_convs import add_convs

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
        num_keypoints: PositiveInt = 17,
        conv_dims: tuple[PositiveInt, ...] = (512,) * 8,
    ) -> None:
        super().__init__()
        self._x_shape = x_shape
        self._convs = add_convs(self, "conv_fcn", x_shape=x_shape, conv_dims=conv_dims)
        self.score_lowres = nn.ConvTranspose2d(
            self._convs.channels, num_keypoints, 4, stride=_UPSAMPLING, padding=1
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

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, x: RegionFeatures) -> KeypointLogits:
        """Returns the logits of each keypoint's place, in every region."""
        x = self.score_lowres(self._convs.apply(self, x))
        if len(x) == 0:  # interpolation refuses to work on nothing
            return x.repeat_interleave(_UPSAMPLING, dim=2).repeat_interleave(_UPSAMPLING, dim=3)
        return F.interpolate(x, scale_factor=_UPSAMPLING, mode="bilinear", align_corners=False)
