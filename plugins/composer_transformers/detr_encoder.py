"""The encoder of DETR: layers of self-attention over the places of an image."""

from typing import Any

import torch
from torch import nn

from composer_transformers.configuration import read_configuration
from composer_transformers.detr_tokens import DETR_KINDS
from composer_transformers.parts import install_parts
from composer_transformers.ports import TokenMask, TokenPositions, Tokens
from composer_transformers.seeding import seeded_by

DETR_ENCODER_NAMES = {"network": "model.encoder"}


class DetrEncoder(nn.Module):
    """Encodes the tokens of an image (Carion et al. 2020, section 3.2).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DETR_KINDS)
        install_parts(self, configuration, DETR_ENCODER_NAMES)

    def forward(
        self, tokens: Tokens, positions: TokenPositions, mask: TokenMask, generator: torch.Generator
    ) -> Tokens:
        """Returns the encoded tokens.

        Args:
            tokens: places of the feature map.
            positions: embeddings of the places.
            mask: the places that lie in the image; the others are not attended to.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=tokens, attention_mask=mask, spatial_position_embeddings=positions
            )
        return found.last_hidden_state
