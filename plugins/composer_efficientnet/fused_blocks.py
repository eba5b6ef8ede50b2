"""The blocks of an EfficientNet-Lite in inference, whose convolutions do all that follows them.

Legend: N images, C channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import fold_norms, fuse_conv, is_foldable
from composer_efficientnet.blocks import InvertedResidual, PaddedConv2d, pad_same

Map = Float[Tensor, "N _ _ _"]


class FusedPaddedConv2d(nn.Module):
    """A convolution that pads as TensorFlow's do, with its normalisation and activation.

    Args:
        conv: the convolution.
    """

    def __init__(self, conv: PaddedConv2d) -> None:
        super().__init__()
        self.conv = fuse_conv(conv, conv.norm, conv.activation)
        self.kernel, self.stride = conv.kernel_size[0], conv.stride[0]
        half = (self.kernel - 1) // 2 if self.stride == 1 else 0
        self.conv.padding = (half, half)

    def forward(self, x: Map, addend: Map | None = None) -> Map:
        """Returns the convolved, normalised, increased and activated map."""
        if self.stride > 1:
            x = pad_same(x, self.kernel, self.stride)
        return self.conv(x, addend)


class FusedInvertedResidual(nn.Module):
    """A block whose last convolution adds the shortcut.

    Args:
        block: the block.
    """

    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        self.has_shortcut = block.has_shortcut
        self.expand = None if block.expand is None else FusedPaddedConv2d(block.expand)
        self.depthwise = FusedPaddedConv2d(block.depthwise)
        self.project = FusedPaddedConv2d(block.project)

    def forward(self, x: Map, _generator: torch.Generator | None = None) -> Map:
        """Returns the block's map."""
        inner = x if self.expand is None else self.expand(x)
        return self.project(self.depthwise(inner), x if self.has_shortcut else None)


def fold_backbone(module: nn.Module) -> nn.Module:
    """Returns a network with its convolutions and blocks in the form for inference."""
    return fold_norms(module, fold_block)


def fold_block(module: nn.Module) -> nn.Module | None:
    """Returns a block or a convolution in the form for inference; None if it cannot be folded."""
    if type(module) is PaddedConv2d and is_foldable(module.norm):
        return FusedPaddedConv2d(module)
    if type(module) is not InvertedResidual:
        return None
    convs = [module.expand, module.depthwise, module.project]
    is_plain = all(conv is None or is_foldable(conv.norm) for conv in convs)
    return FusedInvertedResidual(module) if is_plain else None
