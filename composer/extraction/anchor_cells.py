"""What maps say at anchors: the vector of an anchor's cell, or an anchor's own numbers.

Legend: N images (1), C channels, D rows, K numbers of an anchor, `_` a map's height and width, the
anchors of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.errors import InputError


def pick_at_anchors(
    name: str,
    maps: Sequence[Float[Tensor, "N C _ _"]],
    num_anchors: Sequence[int],
    indices: Int[Tensor, " D"],
    *,
    of_cells: bool,
) -> Float[Tensor, "D K"]:
    """The numbers of some anchors.

    Args:
        name: of the maps, for messages.
        maps: by level, of one image; the numbers of a cell's first anchor come first.
        num_anchors: the number of anchors of each level: row after row of its cells, all anchors of
            a cell together.
        indices: anchors, counted over all levels.
        of_cells: whether channels are features of a cell, which its anchors share.

    Raises:
        InputError: maps and anchors do not fit.
    """
    starts = [0, *accumulate(num_anchors)]
    rows = [
        _pick_of_level(name, level_map[0], count, indices - start, of_cells=of_cells)
        for level_map, count, start in zip(maps, num_anchors, starts[:-1], strict=True)
    ]
    levels = torch.bucketize(indices, indices.new_tensor(starts[1:]), right=True)
    found = rows[0].new_empty((len(indices), rows[0].shape[1]))
    for level, row in enumerate(rows):
        if row.shape[1] != found.shape[1]:
            raise InputError(f"'{name}' has different numbers of channels by level")
        found = torch.where((levels == level)[:, None], row, found)
    return found


def _pick_of_level(
    name: str, level_map: Tensor, num_anchors: int, local: Tensor, *, of_cells: bool
) -> Tensor:
    channels, height, width = level_map.shape
    cells = height * width
    each, rest = divmod(num_anchors, cells) if cells else (0, 1)
    if each == 0 or rest or (not of_cells and channels % each):
        raise InputError(
            f"'{name}' has maps of {channels} x {height} x {width}, which {num_anchors} anchors "
            "of that level do not fit"
        )
    safe = local.clamp(0, num_anchors - 1)  # those of other levels are not used
    cell = safe // each
    vectors = level_map.flatten(1).T[cell]
    if of_cells:
        return vectors
    per_anchor = channels // each
    own = (safe % each)[:, None] * per_anchor + torch.arange(per_anchor, device=safe.device)
    return vectors.gather(1, own)
