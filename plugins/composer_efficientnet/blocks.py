"""The parts of an EfficientNet-Lite.

Legend: N images.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormName
from composer_efficientnet.padded_conv import PaddedConv2d
from composer_efficientnet.variants import BlockPlan

Map = Float[Tensor, "N _ _ _"]


class InvertedResidual(nn.Module):
    """Widens the channels, convolves each by itself, and narrows them (Sandler et al. 2018).

    Args:
        plan: its channels, kernel and stride.
        norm: name of the normalisation.
        drop_rate: how likely an image passes the block by in training (Huang et al. 2016).
    """

    def __init__(self, plan: BlockPlan, *, norm: NormName, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        self.has_shortcut = plan.stride == 1 and plan.in_channels == plan.out_channels
        inner = plan.in_channels * plan.expansion
        self.expand = (
            None
            if plan.expansion == 1
            else PaddedConv2d(plan.in_channels, inner, 1, norm=norm, activation=F.relu6)
        )
        self.depthwise = PaddedConv2d(
            inner,
            inner,
            plan.kernel_size,
            stride=plan.stride,
            groups=inner,
            norm=norm,
            activation=F.relu6,
        )
        self.project = PaddedConv2d(inner, plan.out_channels, 1, norm=norm)

    def forward(self, x: Map, generator: torch.Generator | None = None) -> Map:
        """Returns the block's map.

        Args:
            x: the map that comes in.
            generator: what decides in training which images pass it by; without one, none does.
        """
        inner = x if self.expand is None else self.expand(x)
        result = self.project(self.depthwise(inner))
        if not self.has_shortcut:
            return result
        if self.training and generator is not None and self.drop_rate > 0:
            result = drop_images(result, self.drop_rate, generator)
        return x + result


def drop_images(x: Map, rate: float, generator: torch.Generator) -> Map:
    """Sets the maps of some images to zero, and scales those of the others up to make up for it.

    Args:
        x: a map an image.
        rate: how likely an image is dropped, below 1.
        generator: for sampling.
    """
    draws = torch.rand(len(x), 1, 1, 1, generator=generator, device=generator.device)
    kept = (draws >= rate).to(x)
    return x * (kept / (1 - rate))
