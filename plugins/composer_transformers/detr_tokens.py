"""From feature maps to a sequence of tokens (Carion et al. 2020, section 3.2).

Legend: N images. `_` is channels, and a map's height and width.
"""

from typing import Any, NamedTuple

from torch import nn

from composer.structures import Features, ImageList
from composer_transformers.configuration import read_configuration
from composer_transformers.masks import make_pixel_mask, shrink_mask
from composer_transformers.parts import install_parts
from composer_transformers.ports import TokenMask, TokenPositions, Tokens

DETR_KINDS = ("detr", "conditional_detr")
DETR_TOKENS_NAMES = {
    "input_projection": "model.input_projection",
    "position_embedding": "model.position_embedding",
}


class DetrTokenSequence(NamedTuple):
    """The coarsest map as a sequence.

    Attributes:
        tokens: its places, row after row.
        positions: embeddings of the places.
        mask: the places that lie in the image.
    """

    tokens: Tokens
    positions: TokenPositions
    mask: TokenMask


class DetrTokens(nn.Module):
    """Projects the coarsest feature map to the width of the transformer, and flattens it.

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    input_projection: nn.Module
    position_embedding: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DETR_KINDS)
        install_parts(self, configuration, DETR_TOKENS_NAMES)

    def forward(self, features: Features, images: ImageList) -> DetrTokenSequence:
        """Returns the tokens of each image, with the embeddings of their places.

        Args:
            features: the maps; the last one is used.
            images: for their padding.
        """
        *_, coarsest = features.values()
        size = (coarsest.shape[-2], coarsest.shape[-1])
        mask = shrink_mask(make_pixel_mask(images), size)
        positions = self.position_embedding(
            shape=coarsest.shape, device=coarsest.device, dtype=coarsest.dtype, mask=mask
        )
        positions = positions.expand(len(coarsest), -1, -1, -1)
        projected = self.input_projection(coarsest)
        return DetrTokenSequence(
            projected.flatten(2).transpose(1, 2),
            positions.flatten(2).transpose(1, 2),
            mask.flatten(1),
        )
