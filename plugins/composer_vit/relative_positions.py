"""Relative positions, decomposed: a table of vectors for each axis (Li et al. 2022, MViTv2, 3.1).

Legend: B heads of all images or windows, D channels of a head, L rows of a table, Q queries and
K keys along an axis, H W height and width of the queries' map, Y X those of the keys'.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def resize_table(table: Float[Tensor, "L D"], length: int) -> Float[Tensor, "_ D"]:
    """Interpolates a table linearly between its rows.

    Args:
        table: a vector for each distance along an axis, from the most negative on.
        length: number of rows wanted.
    """
    if len(table) == length and not torch._C._get_tracing_state():  # other sizes go through a trace
        return table
    resized = F.interpolate(table.T[None].float(), size=length, mode="linear")
    return resized[0].T.to(table.dtype)


def look_up_distances(
    table: Float[Tensor, "L D"], num_queries: int, num_keys: int
) -> Float[Tensor, "Q K D"]:
    """Returns the vector of each pair of a query and a key along an axis.

    Where the numbers differ, distances are those in the finer of the two grids. A table for
    another number of distances is interpolated.

    Args:
        table: a vector for each distance.
        num_queries: number of queries along the axis.
        num_keys: number of keys along the axis.
    """
    if num_queries == num_keys:  # without fractions, which exported programs lack
        table = resize_table(table, 2 * num_queries - 1)
        places = torch.arange(num_queries, device=table.device)
        return table[places[:, None] - places[None] + num_queries - 1]
    table = resize_table(table, 2 * max(num_queries, num_keys) - 1)
    query_step = max(num_keys / num_queries, 1.0)
    key_step = max(num_queries / num_keys, 1.0)
    queries = torch.arange(num_queries, device=table.device)[:, None] * query_step
    keys = torch.arange(num_keys, device=table.device)[None] * key_step
    return table[(queries - keys + (num_keys - 1) * key_step).long()]


def score_positions(
    queries: Float[Tensor, "B H W D"],
    table_h: Float[Tensor, "_ D"],
    table_w: Float[Tensor, "_ D"],
    key_size: tuple[int, int],
) -> tuple[Float[Tensor, "B H W Y"], Float[Tensor, "B H W X"]]:
    """Returns what attention adds for the row of a key, and for its column.

    Args:
        queries: the queries, not scaled.
        table_h: a vector for each distance of rows.
        table_w: a vector for each distance of columns.
        key_size: height and width of the map of keys.
    """
    _, height, width, _ = queries.shape
    rows = look_up_distances(table_h, height, key_size[0])
    columns = look_up_distances(table_w, width, key_size[1])
    return (
        torch.einsum("bhwd,hkd->bhwk", queries, rows.to(queries.dtype)),
        torch.einsum("bhwd,wkd->bhwk", queries, columns.to(queries.dtype)),
    )
