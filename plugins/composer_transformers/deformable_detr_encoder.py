"""The encoder of Deformable DETR."""

from typing import Any

import torch
from torch import nn

from composer_transformers.configuration import read_configuration
from composer_transformers.deformable_detr_tokens import (
    DEFORMABLE_KINDS,
    find_starts,
    find_valid_ratios,
    list_sizes,
)
from composer_transformers.parts import install_parts
from composer_transformers.ports import MapSizes, TokenMask, TokenPositions, Tokens
from composer_transformers.seeding import seeded_by

DEFORMABLE_ENCODER_NAMES = {"network": "model.encoder"}


class DeformableDetrEncoder(nn.Module):
    """Encodes tokens by attention to a few points of each level (Zhu et al. 2021, section 4.1).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DEFORMABLE_KINDS)
        install_parts(self, configuration, DEFORMABLE_ENCODER_NAMES)

    def forward(
        self,
        tokens: Tokens,
        positions: TokenPositions,
        mask: TokenMask,
        sizes: MapSizes,
        generator: torch.Generator,
    ) -> Tokens:
        """Returns the encoded tokens.

        Args:
            tokens: the places of all levels.
            positions: embeddings of the places.
            mask: the places that lie in the image.
            sizes: of the levels.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=tokens,
                attention_mask=mask,
                spatial_position_embeddings=positions,
                spatial_shapes=sizes,
                spatial_shapes_list=list_sizes(sizes),
                level_start_index=find_starts(sizes),
                valid_ratios=find_valid_ratios(mask, sizes).to(tokens.dtype),
            )
        return found.last_hidden_state
