"""The types of values at points.

Legend: P points of a region or image. `_` is regions over all images, or images; channels.
"""

from typing import Annotated, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from composer.structures import PortType

Points = Annotated[
    Float[Tensor, "_ P 2"],
    PortType("Points", "(x, y) of points in each region or padded image, from 0 to 1."),
]
PointIndices = Annotated[
    Int[Tensor, "_ P"],
    PortType("PointIndices", "The cells of a map that points are the centres of, row by row."),
]
PointFeatures = Annotated[
    Float[Tensor, "_ _ P"],
    PortType("PointFeatures", "Features at the points of each region or image."),
]
PointLogits = Annotated[
    Float[Tensor, "_ _ P"],
    PortType("PointLogits", "Class logits at the points of each region or image.", per_class=True),
]


class UncertainCells(NamedTuple):
    """The most uncertain cells of maps.

    Args:
        points: their centres.
        indices: which cells they are, row by row.
    """

    points: Points
    indices: PointIndices
