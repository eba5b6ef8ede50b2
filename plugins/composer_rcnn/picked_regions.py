"""Some of all regions.

Legend: `_` is the number of regions that are picked.
"""

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures import Indices, PortType, RegionFeatures
from composer.translation import translated_by

# As RegionFeatures, but of another number of regions than those that come in.
PickedFeatures = Annotated[
    Float[Tensor, "_ ..."], PortType("RegionFeatures", "Features of the regions that are picked.")
]


@translated_by("composer_rcnn.onnx_regions:translate_picked_regions")
def picked_regions(x: RegionFeatures, rows: list[Indices]) -> PickedFeatures:
    """Picks the features of some regions, so that they need not be computed twice.

    Args:
        x: of all regions.
        rows: which of all images' regions are picked, per image.
    """
    if not rows:
        return x[:0]
    return x[torch.cat(rows).to(x.device)]
