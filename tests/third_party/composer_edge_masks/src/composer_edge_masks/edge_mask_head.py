"""A mask and its outline within each region.

Legend: R regions over all images, C channels, `_` a region's rows and columns.
"""

from typing import Annotated, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, init_msra, init_normal
from composer.structures import MaskLogits, PortType, RegionFeatures, TensorShape

EdgeLogits = Annotated[
    Float[Tensor, "R 1 _ _"],
    PortType("EdgeLogits", "Logits of every region's cells to lie on the outline of its object."),
]


class EdgeMasks(NamedTuple):
    """What is said about every region, at twice the resolution of its features.

    Args:
        mask_logits: one mask a class.
        edge_logits: one outline in all.
    """

    mask_logits: MaskLogits
    edge_logits: EdgeLogits


class EdgeMaskHead(nn.Module):
    """Two branches, one for masks and one for outlines, that share what they find.

    The outline's branch sees the mask's features and widens its view by dilated convolutions; the
    mask is predicted from both (Cheng et al. 2020, section 3.2).

    Args:
        x_shape: channels, rows and columns of the pooled regions.
        num_classes: number of classes, without the background.
        channels: C of all layers.
        num_convs: convolutions of the mask's branch.
        dilations: the dilation of each convolution of the outline's branch.

    Raises:
        ValueError: the number of channels is not known, or there is no convolution.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: int = 80,
        channels: int = 256,
        num_convs: int = 4,
        dilations: tuple[int, ...] = (1, 2, 4),
    ) -> None:
        super().__init__()
        if x_shape.channels is None:
            raise ValueError(f"The channels of the regions' features are not known: {x_shape}.")
        if num_convs < 1 or not dilations:
            raise ValueError("Each branch has a convolution at least.")
        self._x_shape = x_shape
        self.mask_convs = _stack(x_shape.channels, channels, (1,) * num_convs)
        self.to_edge = NormConv2d(channels, x_shape.channels, 1)
        self.edge_convs = _stack(x_shape.channels, channels, dilations)
        self.to_mask = NormConv2d(channels, channels, 1)
        for fusion in (self.to_edge, self.to_mask):
            init_msra(fusion)
        self.mask_predictor = Predictor(channels, num_classes)
        self.edge_predictor = Predictor(channels, 1)

    @property
    def output_shape(self) -> TensorShape:
        """The masks': a channel a class, at twice the resolution."""
        height, width = self._x_shape.height, self._x_shape.width
        return TensorShape(
            channels=self.mask_predictor.predictor.out_channels,
            height=None if height is None else 2 * height,
            width=None if width is None else 2 * width,
        )

    def forward(self, x: RegionFeatures) -> EdgeMasks:
        """Returns the logits of every region's masks and of its outline."""
        mask_features = self.mask_convs(x)
        edge_features = self.edge_convs(x + self.to_edge(mask_features))
        fused = mask_features + self.to_mask(edge_features)
        return EdgeMasks(self.mask_predictor(fused), self.edge_predictor(edge_features))


class Predictor(nn.Module):
    """An upsampling by 2, then a map for each output.

    Args:
        channels: C of the input.
        num_outputs: channels of the output.
    """

    def __init__(self, channels: int, num_outputs: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.predictor = nn.Conv2d(channels, num_outputs, 1)
        init_msra(self.deconv)
        init_normal(self.predictor, std=0.001)

    def forward(self, x: Float[Tensor, "R C _ _"]) -> Float[Tensor, "R _ _ _"]:
        """Returns the logits."""
        return self.predictor(F.relu(self.deconv(x)))


def _stack(in_channels: int, channels: int, dilations: tuple[int, ...]) -> nn.Sequential:
    """Convolutions that keep rows and columns, each with a ReLU."""
    convs = []
    for dilation in dilations:
        conv = NormConv2d(
            in_channels, channels, 3, padding=dilation, dilation=dilation, activation=F.relu
        )
        init_msra(conv)
        convs.append(conv)
        in_channels = channels
    return nn.Sequential(*convs)
