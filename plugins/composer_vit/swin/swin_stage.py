"""Blocks and stages of a Swin Transformer, and the merging of patches between stages.

Legend: N images, H W height and width of a map, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import DropPath, call_block
from composer_vit.attention_windows import pad_to_windows
from composer_vit.mlp import Mlp
from composer_vit.swin.swin_attention import WindowAttention

Map = Float[Tensor, "N H W C"]


@dataclass(frozen=True)
class SwinStyle:
    """The options of all blocks.

    Args:
        window_size: side of a window.
        mlp_ratio: channels between the linear layers, relative to those of the map.
        qkv_bias: whether queries, keys and values have a bias.
    """

    window_size: int
    mlp_ratio: float
    qkv_bias: bool


class SwinBlock(nn.Module):
    """Attention within windows, then two linear layers, each added to the map (Liu et al. 2021).

    Args:
        channels: of the map.
        style: the options of all blocks.
        num_heads: number of heads of the attention.
        is_shifted: whether windows are shifted by half of their side.
        drop_rate: how likely an image passes either part by in training.
    """

    def __init__(
        self, channels: int, style: SwinStyle, *, num_heads: int, is_shifted: bool, drop_rate: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(
            channels,
            num_heads=num_heads,
            window_size=style.window_size,
            shift=style.window_size // 2 if is_shifted else 0,
            qkv_bias=style.qkv_bias,
        )
        self.drop_path = DropPath(drop_rate)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, int(channels * style.mlp_ratio))

    def forward(self, x: Map, generator: torch.Generator | None = None) -> Map:
        """Returns the block's map.

        Args:
            x: the map that comes in.
            generator: what decides in training which images pass the block by.
        """
        x = x + self.drop_path(self.attn(self.norm1(x)), generator)
        return x + self.drop_path(self.mlp(self.norm2(x)), generator)


class PatchMerging(nn.Module):
    """Halves the resolution: four neighbours become one place of twice the channels.

    Args:
        channels: of the map that comes in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Map) -> Float[Tensor, "N _ _ _"]:
        """Returns the merged map; an odd side is padded with zeros."""
        x = pad_to_windows(x, 2)
        rows = (x[:, 0::2], x[:, 1::2])
        neighbours = [part[:, :, column::2] for column in (0, 1) for part in rows]
        return self.reduction(self.norm(torch.cat(neighbours, dim=-1)))


class SwinStage(nn.Module):
    """Blocks at one resolution, every second one with shifted windows.

    Args:
        channels: of the map.
        style: the options of all blocks.
        num_heads: number of heads of each attention.
        drop_rates: how likely an image passes each block by in training.
        merges: whether patches are merged after the blocks, for a stage that follows.
    """

    def __init__(
        self,
        channels: int,
        style: SwinStyle,
        *,
        num_heads: int,
        drop_rates: Sequence[float],
        merges: bool,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinBlock(
                channels,
                style,
                num_heads=num_heads,
                is_shifted=index % 2 == 1,
                drop_rate=drop_rate,
            )
            for index, drop_rate in enumerate(drop_rates)
        )
        self.downsample = PatchMerging(channels) if merges else None

    def forward(
        self, x: Map, generator: torch.Generator | None = None
    ) -> tuple[Map, Float[Tensor, "N _ _ _"]]:
        """Returns the map of the last block, and what the next stage is given."""
        for block in self.blocks:
            x = call_block(block, x, generator)
        return x, x if self.downsample is None else self.downsample(x)
