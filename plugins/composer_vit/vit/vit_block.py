"""The blocks of a plain vision transformer.

Legend: N images or windows, H W height and width of a map, C channels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import ChannelLayerNorm, DropPath, init_msra
from composer_vit.attention import attend
from composer_vit.attention_windows import join_windows, split_windows
from composer_vit.mlp import Mlp
from composer_vit.relative_positions import score_positions

Map = Float[Tensor, "N H W C"]


class Attention(nn.Module):
    """Attention of every place of a map to every place (Dosovitskiy et al. 2021).

    Args:
        channels: of the map.
        num_heads: number of heads.
        qkv_bias: whether queries, keys and values have a bias.
        table_size: height and width of the map that tables of relative positions are for; None
            for no such tables.
    """

    def __init__(
        self, channels: int, *, num_heads: int, qkv_bias: bool, table_size: Sequence[int] | None
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        self.has_relative_positions = table_size is not None
        if table_size is not None:
            height, width = table_size
            head_channels = channels // num_heads
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * height - 1, head_channels))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * width - 1, head_channels))

    def forward(self, x: Map) -> Map:
        """Returns the map of what places attend to."""
        num_maps, height, width, _ = x.shape
        qkv = self.qkv(x).view(num_maps, height * width, 3, self.num_heads, -1)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        positions = None
        if self.has_relative_positions:
            maps = queries.reshape(num_maps * self.num_heads, height, width, -1)
            positions = score_positions(maps, self.rel_pos_h, self.rel_pos_w, (height, width))
        found = attend(queries, keys, values, positions)
        return self.proj(found.transpose(1, 2).reshape(num_maps, height, width, -1))


class ResidualConvs(nn.Module):
    """A bottleneck of convolutions, which passes information between windows.

    It starts as an identity (Li et al. 2022, ViTDet, section 3).

    Args:
        channels: of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.norm1 = ChannelLayerNorm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.norm2 = ChannelLayerNorm(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.norm3 = ChannelLayerNorm(channels)
        for conv in (self.conv1, self.conv2, self.conv3):
            init_msra(conv)
        nn.init.zeros_(self.norm3.weight)

    def forward(self, x: Map) -> Map:
        """Returns the map and what the convolutions add to it."""
        inner = x.permute(0, 3, 1, 2)
        inner = F.gelu(self.norm1(self.conv1(inner)))
        inner = F.gelu(self.norm2(self.conv2(inner)))
        return x + self.norm3(self.conv3(inner)).permute(0, 2, 3, 1)


class ViTBlock(nn.Module):
    """Attention, then two linear layers, each on a normalised map and added to it.

    Args:
        channels: of the map.
        num_heads: number of heads of the attention.
        mlp_channels: channels between the linear layers.
        qkv_bias: whether queries, keys and values have a bias.
        window_size: side of the windows that attention works within; 0 for the whole map.
        table_size: height and width of the map that tables of relative positions are for; None
            for no such tables.
        drop_rate: how likely an image passes either part by in training.
        has_residual_convs: whether convolutions follow.
        norm_eps: added to the variance of the two normalisations.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        mlp_channels: int,
        qkv_bias: bool,
        window_size: int,
        table_size: Sequence[int] | None,
        drop_rate: float,
        has_residual_convs: bool,
        norm_eps: float,
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.norm1 = nn.LayerNorm(channels, eps=norm_eps)
        self.attn = Attention(
            channels, num_heads=num_heads, qkv_bias=qkv_bias, table_size=table_size
        )
        self.drop_path = DropPath(drop_rate)
        self.norm2 = nn.LayerNorm(channels, eps=norm_eps)
        self.mlp = Mlp(channels, mlp_channels)
        self.residual = ResidualConvs(channels) if has_residual_convs else None

    def forward(self, x: Map, generator: torch.Generator | None = None) -> Map:
        """Returns the block's map.

        Args:
            x: the map that comes in.
            generator: what decides in training which images pass the block by.
        """
        x = x + self.drop_path(self._attend(self.norm1(x)), generator)
        x = x + self.drop_path(self.mlp(self.norm2(x)), generator)
        return x if self.residual is None else self.residual(x)

    def _attend(self, x: Map) -> Map:
        if self.window_size == 0:
            return self.attn(x)
        windows = self.attn(split_windows(x, self.window_size))
        return join_windows(windows, x.shape[1], x.shape[2])
