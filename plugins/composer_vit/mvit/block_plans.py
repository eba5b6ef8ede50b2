"""From the depth of a multiscale vision transformer to the sizes of its blocks."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

FIRST_SCALE = 2  # scale2 is the stride of a patch


class BlockPlan(NamedTuple):
    """The size of a block.

    Args:
        in_channels: channels of its input.
        out_channels: channels of its output.
        num_heads: heads of its attention.
        query_stride: 2 where a stage begins that has half of the resolution, otherwise 1.
        key_stride: of the keys and values.
        window_size: side of the windows that it attends within, in cells of its input; 0 for the
            whole map.
        map_size: side of its input in training on images of the nominal size, in cells.
        level: the name of the level that it ends, or none.
    """

    in_channels: int
    out_channels: int
    num_heads: int
    query_stride: int
    key_stride: int
    window_size: int
    map_size: int
    level: str | None

    @property
    def table_length(self) -> int:
        """Number of distances between queries and keys along an axis."""
        finer = max(self.map_size // self.query_stride, self.map_size // self.key_stride)
        return 2 * finer - 1


@dataclass(frozen=True)
class MViTStyle:
    """The options of all blocks.

    Args:
        mlp_ratio: channels between the two linear layers, relative to those of the output.
        qkv_bias: whether queries, keys and values have a bias.
        pool_kernel: side of the convolutions that pool queries, keys and values, odd.
        has_residual_pooling: whether the pooled queries are added to what they attend to.
        has_relative_positions: whether there are tables of relative positions.
        norm_eps: added to the variance of the normalisations.

    Raises:
        ValueError: the side of the pooling convolutions is even.
    """

    mlp_ratio: float
    qkv_bias: bool
    pool_kernel: int
    has_residual_pooling: bool
    has_relative_positions: bool
    norm_eps: float

    def __post_init__(self) -> None:
        if self.pool_kernel % 2 == 0:
            raise ValueError(f"qkv_pool_kernel must be odd, not {self.pool_kernel}.")


def plan_blocks(
    *,
    depth: int,
    last_block_indexes: Sequence[int],
    embed_dim: int,
    num_heads: int,
    key_stride: int,
    window_size: int,
    map_size: int,
) -> Iterator[BlockPlan]:
    """Yields the blocks' sizes (Li et al. 2022, MViTv2, sections 3.2 and 4.3).

    From stage to stage channels and heads double, and resolution, windows and strides of keys
    halve. The first block of a stage works on the map of the one before. Blocks attend within
    windows, but the last ones of all stages after the first attend to the whole map.

    Args:
        depth: number of blocks.
        last_block_indexes: the last block of each stage, from 0.
        embed_dim: channels of the first stage.
        num_heads: heads of the first stage.
        key_stride: of the keys in the first stage.
        window_size: side of a window in the first stage, in cells.
        map_size: side of the first stage's map for images of the nominal size, in cells.
    """
    in_channels = out_channels = embed_dim
    scales = itertools.count(FIRST_SCALE)
    for index in range(depth):
        begins = index - 1 in last_block_indexes
        level = f"scale{next(scales)}" if index in last_block_indexes else None
        # Keys of the whole map are twice as coarse, but not in the last stage.
        is_coarse = index in last_block_indexes[1:3]
        yield BlockPlan(
            in_channels=in_channels,
            out_channels=out_channels,
            num_heads=num_heads,
            query_stride=2 if begins else 1,
            key_stride=key_stride * 2 if is_coarse else key_stride,
            window_size=0 if index in last_block_indexes[1:] else window_size,
            map_size=map_size,
            level=level,
        )
        in_channels = out_channels
        if level is not None:
            out_channels, num_heads = out_channels * 2, num_heads * 2
            key_stride = max(key_stride // 2, 1)
        if begins:
            window_size, map_size = window_size // 2, map_size // 2
