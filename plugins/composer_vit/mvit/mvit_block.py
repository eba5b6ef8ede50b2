"""The blocks of a multiscale vision transformer.

Legend: N images; height, width and channels of a map may change in a block.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import DropPath
from composer_vit.mlp import Mlp
from composer_vit.mvit.block_plans import BlockPlan, MViTStyle
from composer_vit.mvit.pooling_attention import PoolingAttention

Map = Float[Tensor, "N _ _ _"]


class MViTBlock(nn.Module):
    """Pooling attention, then two linear layers, each on a normalised map and added to it.

    Where channels double, the shortcut is projected; where the resolution halves, it is pooled.

    Args:
        plan: channels, heads, strides and windows.
        style: the options of all blocks.
        drop_rate: how likely an image passes either part by in training.
    """

    def __init__(self, plan: BlockPlan, style: MViTStyle, *, drop_rate: float) -> None:
        super().__init__()
        self.query_stride = plan.query_stride
        self.norm1 = nn.LayerNorm(plan.in_channels, eps=style.norm_eps)
        self.attn = PoolingAttention(plan, style)
        self.drop_path = DropPath(drop_rate)
        self.norm2 = nn.LayerNorm(plan.out_channels, eps=style.norm_eps)
        self.mlp = Mlp(plan.out_channels, int(plan.out_channels * style.mlp_ratio))
        self.proj: nn.Linear | None = None
        if plan.in_channels != plan.out_channels:
            self.proj = nn.Linear(plan.in_channels, plan.out_channels)

    def forward(self, x: Map, generator: torch.Generator | None = None) -> Map:
        """Returns the block's map, channels last.

        Args:
            x: the map that comes in.
            generator: what decides in training which images pass the block by.
        """
        normalized = self.norm1(x)
        shortcut = x if self.proj is None else self.proj(normalized)
        if self.query_stride > 1:
            shortcut = _pool_shortcut(shortcut, self.query_stride)
        x = shortcut + self.drop_path(self.attn(normalized), generator)
        return x + self.drop_path(self.mlp(self.norm2(x)), generator)


def _pool_shortcut(x: Map, stride: int) -> Map:
    """Takes the maximum around every cell that a strided query stands for."""
    kernel = stride + 1
    pooled = F.max_pool2d(x.permute(0, 3, 1, 2), kernel, stride, padding=kernel // 2)
    return pooled.permute(0, 2, 3, 1)
