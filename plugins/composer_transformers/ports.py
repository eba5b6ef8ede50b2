"""Types of the values between the nodes of transformers' detectors.

Legend: N images, T places of all levels (tokens), Q queries, C channels, L layers of the decoder,
V levels. `_` is
classes (with that of no object where a model has one), coordinates, or another number.
"""

from typing import Annotated, Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.structures import PortType

Tokens = Annotated[
    Float[Tensor, "N T C"],
    PortType("Tokens", "Features of every place of the feature maps, level after level."),
]
TokenPositions = Annotated[
    Float[Tensor, "N T C"], PortType("TokenPositions", "Embeddings of the places of tokens.")
]
TokenMask = Annotated[
    Bool[Tensor, "N T"], PortType("TokenMask", "True where a token lies in the image.")
]
MapSizes = Annotated[
    Int[Tensor, "V 2"], PortType("MapSizes", "Height and width of the map of each level.")
]
Queries = Annotated[
    Float[Tensor, "N Q C"], PortType("Queries", "Contents of the object queries, at the start.")
]
QueryPositions = Annotated[
    Float[Tensor, "N Q C"], PortType("QueryPositions", "Position embeddings of the queries.")
]
ReferencePoints = Annotated[
    Float[Tensor, "N Q _"],
    PortType(
        "ReferencePoints",
        "Where the decoder starts for each query: a centre (2), or a box by its centre, width and "
        "height (4), from 0 to 1.",
    ),
]
ReferenceLogits = Annotated[
    Float[Tensor, "N Q 4"],
    PortType("ReferenceLogits", "Logits of the box from which the decoder starts, per query."),
]
QueryStates = Annotated[
    Float[Tensor, "L N Q C"], PortType("QueryStates", "Queries after each layer of the decoder.")
]
QueryLogits = Annotated[
    Float[Tensor, "_ N Q _"],
    PortType("QueryLogits", "Class logits of each query after each layer.", per_class=True),
]
QueryBoxes = Annotated[
    Float[Tensor, "_ N Q 4"],
    PortType(
        "QueryBoxes",
        "Box of each query after each layer: centre, width and height, as parts of the image.",
    ),
]
ProposalLogits = Annotated[
    Float[Tensor, "N _ _"],
    PortType("ProposalLogits", "Class logits of the places that became queries.", per_class=True),
]
ProposalBoxes = Annotated[
    Float[Tensor, "N _ 4"],
    PortType("ProposalBoxes", "Boxes of the places that became queries, as parts of the image."),
]
Denoising = Annotated[
    dict[str, Any],
    PortType("Denoising", "Groups of noisy objects among the queries; empty without them."),
]
