"""From maps of predictions to one row an anchor.

Legend: N images. `_` is all numbers of a cell; the anchors of a level, and the numbers of one.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from composer.ops import flatten_cells


def list_by_anchor(
    maps: Sequence[Float[Tensor, "N _ _ _"]], anchors: Sequence[Float[Tensor, "_ 4"]]
) -> list[Float[Tensor, "N _ _"]]:
    """Turns each level's map into a matrix with a row for each of its anchors.

    Args:
        maps: per level; the numbers of a cell's first anchor come first.
        anchors: per level, in the order in which anchors are placed.

    Raises:
        ValueError: there are not as many levels of one as of the other, or a map has no whole
            number of predictions for each anchor.
    """
    if len(maps) != len(anchors):
        raise ValueError(
            f"Predictions for {len(maps)} levels, but anchors on {len(anchors)}. Do the "
            "in_features of the head and of the anchors fit each other?"
        )
    rows = []
    for level, (map_, boxes) in enumerate(zip(maps, anchors, strict=True)):
        cells = map_.shape[-2] * map_.shape[-1]
        num_anchors, remainder = divmod(len(boxes), cells)
        if num_anchors == 0 or remainder or map_.shape[1] % num_anchors:
            raise ValueError(
                f"Level {level} has {cells} cells with {map_.shape[1]} numbers each, but "
                f"{len(boxes)} anchors. Does the head's num_anchors fit the anchors' sizes and "
                "aspect_ratios?"
            )
        rows.append(flatten_cells(map_, map_.shape[1] // num_anchors))
    return rows
