"""From maps of predictions to lists of predictions.

Legend: N images, H W the map's height and width. `_` on the way in is all numbers of a cell, on
the way out the number of predictions of the map, and the numbers of one prediction.
"""

from jaxtyping import Float
from torch import Tensor


def flatten_cells(map_: Float[Tensor, "N _ H W"], num_values: int = 1) -> Float[Tensor, "N _ _"]:
    """Lists a map's predictions in the order in which anchors are placed.

    Args:
        map_: one channel a number: those of a cell's first prediction, of its second, ...
        num_values: how many numbers make a prediction.

    Returns:
        Row after row, cell after cell, all predictions of a cell together.

    Raises:
        ValueError: the channels are no multiple of `num_values`.
    """
    num_images, channels, height, width = map_.shape
    if channels % num_values:
        raise ValueError(f"{channels} channels do not hold predictions of {num_values} numbers.")
    num_predictions = channels // num_values
    split = map_.reshape(num_images, num_predictions, num_values, height, width)
    flat_length = height * width * num_predictions
    return split.permute(0, 3, 4, 1, 2).reshape(num_images, flat_length, num_values)
