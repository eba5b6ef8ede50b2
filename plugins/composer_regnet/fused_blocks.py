"""The blocks of a RegNet in inference, whose convolutions do all that follows them.

Legend: N images.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import fold_norms, fuse_conv, is_foldable, is_fusible
from composer_regnet.blocks import Block, SqueezeExcitation, Stem

Map = Float[Tensor, "N _ _ _"]


class FusedBlock(nn.Module):
    """A block whose last convolution adds the shortcut.

    Args:
        block: the block.
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        way = block.f
        self.proj = None if block.proj is None else fuse_conv(block.proj, block.bn)
        self.a = fuse_conv(way.a, way.a_bn, F.relu)
        self.b = fuse_conv(way.b, way.b_bn, F.relu)
        self.se: SqueezeExcitation | None = way.se
        self.c = fuse_conv(way.c, way.c_bn, F.relu)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.proj is None else self.proj(x)
        x = self.b(self.a(x))
        if self.se is not None:
            x = self.se(x)
        return self.c(x, shortcut)


def fold_backbone(module: nn.Module) -> nn.Module:
    """Returns a network with its stem and blocks in the form for inference."""
    return fold_norms(module, fold_block)


def fold_block(module: nn.Module) -> nn.Module | None:
    """Returns a block or a stem in the form for inference; None if it cannot be folded."""
    if type(module) is Stem and _fits(module.conv, module.bn):
        return fuse_conv(module.conv, module.bn, F.relu)
    if type(module) is not Block:
        return None
    way = module.f
    pairs = [(way.a, way.a_bn), (way.b, way.b_bn), (way.c, way.c_bn)]
    if module.proj is not None:
        pairs.append((module.proj, module.bn))
    return FusedBlock(module) if all(_fits(conv, norm) for conv, norm in pairs) else None


def _fits(conv: nn.Module, norm: nn.Module | None) -> bool:
    return is_fusible(conv) and is_foldable(norm)
