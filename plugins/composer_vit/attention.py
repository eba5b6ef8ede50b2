"""Attention with what relative positions add to it.

Legend: N images or windows, M heads, B their product, H W height and width of the map of queries,
Q K numbers of queries and keys, Y X height and width of the map of keys, D channels of a head.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def attend(
    queries: Float[Tensor, "N M Q D"],
    keys: Float[Tensor, "N M K D"],
    values: Float[Tensor, "N M K D"],
    positions: tuple[Float[Tensor, "B H W Y"], Float[Tensor, "B H W X"]] | None = None,
) -> Float[Tensor, "N M Q D"]:
    """Returns the values that queries attend to, by products scaled by the root of D.

    Args:
        queries: one a place of a map, row by row.
        keys: one a place of a map, row by row.
        values: one a key.
        positions: what is added to the scaled products for a key's row and for its column, as
            `score_positions` returns them; None for nothing.
    """
    if positions is None:
        return F.scaled_dot_product_attention(queries, keys, values)
    by_row, by_column = (one.contiguous() for one in positions)  # products may be transposed
    added = by_row[..., :, None] + by_column[..., None, :]
    bias = added.view(*queries.shape[:3], keys.shape[2])
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
