"""Types of the values between the nodes of MaskFormer and Mask2Former.

Legend: L layers, N images, Q queries. `_` is channels, and a map's height and width.
"""

from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from composer.structures import PortType

MaskFeatures = Annotated[
    Float[Tensor, "N _ _ _"],
    PortType("MaskFeatures", "Features of every place, of which queries select their masks."),
]
QueryMasks = Annotated[
    Float[Tensor, "_ N Q _ _"],
    PortType("QueryMasks", "Mask logits of each query after each layer, over the padded images."),
]
