"""Attention between maps of queries, keys and values that were pooled.

Legend: N images, H W height and width of a map, C channels, B heads of all images, D channels of
a head.
"""

from jaxtyping import Float
from torch import Tensor, nn

from composer_vit.attention import attend
from composer_vit.attention_windows import join_windows, split_windows
from composer_vit.mvit.block_plans import BlockPlan, MViTStyle
from composer_vit.relative_positions import score_positions

HeadMaps = Float[Tensor, "B _ _ D"]


class PoolingAttention(nn.Module):
    """Pools queries, keys and values by strided convolutions, then attends (Fan et al. 2021).

    With decomposed relative positions and residual pooling (Li et al. 2022, MViTv2, section 3.1).

    Args:
        plan: channels, heads, strides and windows.
        style: the options of all blocks.
    """

    def __init__(self, plan: BlockPlan, style: MViTStyle) -> None:
        super().__init__()
        self.plan = plan
        self.has_residual_pooling = style.has_residual_pooling
        self.has_relative_positions = style.has_relative_positions
        self.head_channels = plan.out_channels // plan.num_heads
        self.qkv = nn.Linear(plan.in_channels, 3 * plan.out_channels, bias=style.qkv_bias)
        self.proj = nn.Linear(plan.out_channels, plan.out_channels)
        for name, stride in (
            ("q", plan.query_stride),
            ("k", plan.key_stride),
            ("v", plan.key_stride),
        ):
            pool = _build_pool(self.head_channels, style.pool_kernel, stride)
            self.add_module(f"pool_{name}", pool)
            self.add_module(f"norm_{name}", nn.LayerNorm(self.head_channels, eps=style.norm_eps))
        if style.has_relative_positions:
            shape = (plan.table_length, self.head_channels)
            self.rel_pos_h = nn.Parameter(self.qkv.weight.new_zeros(shape))
            self.rel_pos_w = nn.Parameter(self.qkv.weight.new_zeros(shape))

    def forward(self, x: Float[Tensor, "N _ _ _"]) -> Float[Tensor, "N _ _ _"]:
        """Returns the map of what queries attend to, at their resolution; channels are last."""
        num_images, height, width, _ = x.shape
        num_heads = self.plan.num_heads
        qkv = self.qkv(x).view(num_images, height, width, 3, num_heads, self.head_channels)
        parts = qkv.permute(3, 0, 4, 1, 2, 5).flatten(1, 2).unbind(0)
        queries, keys, values = (
            self._pool(part, name) for part, name in zip(parts, "qkv", strict=True)
        )
        found = self._attend(queries, keys, values)
        if self.has_residual_pooling:
            found = found + queries
        heads = found.view(num_images, num_heads, *found.shape[1:])
        return self.proj(heads.permute(0, 2, 3, 1, 4).flatten(3))

    def _pool(self, maps: HeadMaps, name: str) -> HeadMaps:
        pooled = self.get_submodule(f"pool_{name}")(maps.permute(0, 3, 1, 2))
        return self.get_submodule(f"norm_{name}")(pooled.permute(0, 2, 3, 1))

    def _attend(self, queries: HeadMaps, keys: HeadMaps, values: HeadMaps) -> HeadMaps:
        """Attends within windows, or to the whole map."""
        size, plan = self.plan.window_size, self.plan
        if size == 0:
            return self._attend_maps(queries, keys, values)
        found = self._attend_maps(
            split_windows(queries, size // plan.query_stride),
            split_windows(keys, size // plan.key_stride),
            split_windows(values, size // plan.key_stride),
        )
        return join_windows(found, queries.shape[1], queries.shape[2])

    def _attend_maps(self, queries: HeadMaps, keys: HeadMaps, values: HeadMaps) -> HeadMaps:
        positions = None
        if self.has_relative_positions:
            key_size = (keys.shape[1], keys.shape[2])
            positions = score_positions(queries, self.rel_pos_h, self.rel_pos_w, key_size)
        q, k, v = (maps.flatten(1, 2)[:, None] for maps in (queries, keys, values))
        return attend(q, k, v, positions).view(queries.shape)


def _build_pool(channels: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(
        channels, channels, kernel, stride, padding=kernel // 2, groups=channels, bias=False
    )
