"""The blocks of a residual network in inference, whose convolutions do all that follows them.

Legend: N images.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import (
    FusedConv2d,
    NormConv2d,
    Optimization,
    fold_norms,
    fuse_conv,
    is_foldable,
)
from composer_resnet.blocks import BasicBlock, BottleneckBlock, Stem

Map = Float[Tensor, "N _ _ _"]


class FusedBlock(nn.Module):
    """A row of convolutions, the last of which adds the shortcut, too.

    Args:
        convs: the convolutions of the block, in order.
        shortcut: the convolution beside them, or None.
    """

    def __init__(self, convs: list[NormConv2d], shortcut: NormConv2d | None) -> None:
        super().__init__()
        *first, last = convs
        self.convs = nn.ModuleList(fuse_conv(conv, conv.norm, conv.activation) for conv in first)
        self.last = fuse_conv(last, last.norm, F.relu)
        self.shortcut = None if shortcut is None else fuse_conv(shortcut, shortcut.norm)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        for conv in self.convs:
            x = conv(x)
        return self.last(x, shortcut)


class FusedStem(nn.Module):
    """A stem whose convolution activates its output.

    Args:
        conv: the convolution.
    """

    def __init__(self, conv: FusedConv2d) -> None:
        super().__init__()
        self.conv1 = conv

    def forward(self, x: Map) -> Map:
        """Returns a map at a quarter of the resolution."""
        return F.max_pool2d(self.conv1(x), kernel_size=3, stride=2, padding=1)


def fold_block(module: nn.Module) -> nn.Module | None:
    """Returns a block or a stem in the form for inference; None if it cannot be folded."""
    if type(module) is Stem and _is_foldable(module.conv1):
        return FusedStem(fuse_conv(module.conv1, module.conv1.norm, F.relu))
    if type(module) is BasicBlock:
        convs = [module.conv1, module.conv2]
    elif type(module) is BottleneckBlock:
        convs = [module.conv1, module.conv2, module.conv3]
    else:
        return None
    if not all(_is_foldable(conv) for conv in (*convs, module.shortcut) if conv is not None):
        return None
    return FusedBlock(convs, module.shortcut)


def _is_foldable(conv: nn.Module) -> bool:
    return type(conv) is NormConv2d and is_foldable(conv.norm)


def fold(module: nn.Module) -> nn.Module:
    """Returns a network or a stage with its blocks in the form for inference."""
    return fold_norms(module, fold_block)


OPTIMIZATION = Optimization.of_dense(fold)
