"""The parts of an EfficientNet-Lite; convolutions pad as TensorFlow's do.

Legend: N images, C channels, H W height and width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import FrozenBatchNorm2d, NormConv2d, NormName, drop_path
from composer_efficientnet.variants import BlockPlan


class PaddedConv2d(NormConv2d):
    """A convolution whose output has the input's size over the stride, rounded up.

    What is missing at the borders is zero; of an odd number of rows or columns the last one
    more, so the padding depends on the size of the image (TensorFlow's "SAME").

    A frozen normalisation is multiplied into the weights, which are much smaller than the maps.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel.
        options: what else `NormConv2d` takes, but no padding.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, **options: Any
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        # A depthwise kernel sees one channel only.
        nn.init.kaiming_normal_(self.weight, mode="fan_in" if self.groups > 1 else "fan_out")

    def forward(self, x: Float[Tensor, "N _ _ _"]) -> Float[Tensor, "N _ _ _"]:
        """Returns the convolved, normalised and activated map."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        padding = (kernel - 1) // 2 if stride == 1 else 0
        if stride > 1:
            x = pad_same(x, kernel, stride)
        weight, bias = self._fold_norm()
        x = F.conv2d(x, weight, bias, self.stride, padding, groups=self.groups)
        if self.norm is not None and not isinstance(self.norm, FrozenBatchNorm2d):
            x = self.norm(x)
        return x if self.activation is None else self.activation(x)

    def _fold_norm(self) -> tuple[Tensor, Tensor | None]:
        """Returns the weights and the bias with a frozen normalisation in them."""
        norm = self.norm
        if not isinstance(norm, FrozenBatchNorm2d):
            return self.weight, self.bias
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift = norm.bias - norm.running_mean * scale
        bias = shift if self.bias is None else shift + self.bias * scale
        return self.weight * scale[:, None, None, None], bias


def pad_same(
    x: Float[Tensor, "N C _ _"], kernel_size: int, stride: int
) -> Float[Tensor, "N C _ _"]:
    """Pads a map with zeros so that a convolution returns its size over the stride, rounded up.

    Nothing is decided by a size where that is not needed: compilers of programs for any size would
    follow each decision through all layers below.
    """
    padding = []
    for size in (x.shape[3], x.shape[2]):
        needed = ((size + stride - 1) // stride - 1) * stride + kernel_size - size
        if kernel_size < stride:
            needed = max(needed, 0)
        before = needed // 2
        padding += [before, needed - before]
    return F.pad(x, padding)


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
            result = drop_path(result, self.drop_rate, generator)
        return x + result
