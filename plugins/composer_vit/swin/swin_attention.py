"""Attention within windows, which may be shifted, with a bias for each relative position.

Legend: N images, H W height and width of a map, C channels, W2 windows of all images, M heads,
P places of a window, S side of a window.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from composer_vit.attention_windows import join_windows, pad_to_windows, split_windows

Map = Float[Tensor, "N H W C"]

_MASKED = -100.0  # what the published models add, too; a softmax makes nothing of it


class WindowAttention(nn.Module):
    """Attention within square windows, with a bias by relative position (Liu et al. 2021, 3.2).

    Args:
        channels: of the map.
        num_heads: number of heads.
        window_size: side of a window.
        shift: rows and columns by which windows are shifted; 0 for none.
        qkv_bias: whether queries, keys and values have a bias.
    """

    relative_position_index: Int[Tensor, "P P"]

    def __init__(
        self, channels: int, *, num_heads: int, window_size: int, shift: int, qkv_bias: bool
    ) -> None:
        super().__init__()
        self.num_heads, self.window_size, self.shift = num_heads, window_size, shift
        num_distances = (2 * window_size - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(num_distances, num_heads))
        self.register_buffer("relative_position_index", index_distances(window_size))
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, x: Map) -> Map:
        """Returns the map of what places attend to within their windows."""
        _, height, width, channels = x.shape
        size = self.window_size
        x = pad_to_windows(x, size)
        padded = x.shape[1:3]
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), dims=(1, 2))
        windows = self._attend(split_windows(x, size).flatten(1, 2), padded)
        x = join_windows(windows.view(-1, size, size, channels), *padded)
        if self.shift:
            x = torch.roll(x, (self.shift, self.shift), dims=(1, 2))
        return x[:, :height, :width]

    def _attend(
        self, windows: Float[Tensor, "W2 P C"], padded: tuple[int, ...]
    ) -> Float[Tensor, "W2 P C"]:
        num_windows, num_places, channels = windows.shape
        qkv = self.qkv(windows).view(num_windows, num_places, 3, self.num_heads, -1)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self._look_up_bias()
        if self.shift:
            apart = find_windows_apart(padded[0], padded[1], self.window_size, self.shift)
            masks = apart.to(bias.device)[:, None] * _MASKED + bias
            num_images = num_windows // masks.shape[0]  # of which traces keep track, not of len
            bias = masks.repeat(num_images, 1, 1, 1)
        found = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=bias.to(queries.dtype)
        )
        return self.proj(found.transpose(1, 2).reshape(num_windows, num_places, channels))

    def _look_up_bias(self) -> Float[Tensor, "1 M P P"]:
        table = self.relative_position_bias_table
        return table[self.relative_position_index].permute(2, 0, 1).contiguous()[None]


def index_distances(window_size: int) -> Int[Tensor, "P P"]:
    """Returns which row of a table each pair of places of a window has: a query, then a key.

    Rows are ordered by the distance of rows, then by that of columns, from the most negative on.

    Args:
        window_size: side of the window.
    """
    steps = torch.arange(window_size)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    rows, columns = rows.flatten(), columns.flatten()
    row_distances = rows[:, None] - rows[None] + window_size - 1
    column_distances = columns[:, None] - columns[None] + window_size - 1
    return row_distances * (2 * window_size - 1) + column_distances


def find_windows_apart(height: int, width: int, size: int, shift: int) -> Bool[Tensor, "_ P P"]:
    """Returns which places of each shifted window do not belong together.

    After a cyclic shift, windows at the end of rows and columns hold places from both ends.

    Args:
        height: of the padded map.
        width: of the padded map.
        size: side of a window.
        shift: of the windows.
    """
    row_parts, column_parts = (_number_parts(side, size, shift) for side in (height, width))
    parts = (3 * row_parts[:, None] + column_parts[None]).float()
    windows = split_windows(parts[None, :, :, None], size).flatten(1)
    return windows[:, None, :] != windows[:, :, None]


def _number_parts(side: int, size: int, shift: int) -> Int[Tensor, "_"]:
    """Returns 0 for places of whole windows, 1 and 2 for the two parts of the last one."""
    places = torch.arange(side)
    return (places >= side - size).long() + (places >= side - shift).long()
