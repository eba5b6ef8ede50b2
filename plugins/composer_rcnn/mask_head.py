"""A mask within each region.

Legend: R regions over all images.
"""

import torch.nn.functional as F
from torch import nn

from composer.layers import NormName, Optimization, fold_norms, init_msra, init_normal
from composer.ranges import PositiveInt
from composer.structures import MaskLogits, RegionFeatures, TensorShape
from composer_rcnn.region_convs import add_convs


class MaskHead(nn.Module):
    """Convolutions, an upsampling by 2, and a mask for each class (He et al. 2017, figure 4).

    Args:
        x_shape: channels, rows and columns of the pooled regions.
        num_classes: number of classes, without the background.
        conv_dims: channels of the 3x3 convolutions; may be none.
        deconv_dim: channels of the upsampling, a transposed convolution.
        norm: name of the normalisation after each 3x3 convolution.
        cls_agnostic_mask: whether the classes share one mask.

    Raises:
        ValueError: the number of channels is not known.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: PositiveInt,
        conv_dims: tuple[PositiveInt, ...] = (256, 256, 256, 256),
        deconv_dim: PositiveInt = 256,
        norm: NormName = "",
        cls_agnostic_mask: bool = False,
    ) -> None:
        super().__init__()
        self._x_shape = x_shape
        self._convs = add_convs(self, "mask_fcn", x_shape=x_shape, conv_dims=conv_dims, norm=norm)
        self.deconv = nn.ConvTranspose2d(self._convs.channels, deconv_dim, 2, stride=2)
        init_msra(self.deconv)
        self.predictor = nn.Conv2d(deconv_dim, 1 if cls_agnostic_mask else num_classes, 1)
        init_normal(self.predictor, std=0.001)

    @property
    def output_shape(self) -> TensorShape:
        """A channel a mask, at twice the resolution."""
        height, width = self._x_shape.height, self._x_shape.width
        return TensorShape(
            channels=self.predictor.out_channels,
            height=None if height is None else 2 * height,
            width=None if width is None else 2 * width,
        )

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, x: RegionFeatures) -> MaskLogits:
        """Returns the logits of each class's mask, or of the one mask, in every region."""
        return self.predictor(F.relu(self.deconv(self._convs.apply(self, x))))
