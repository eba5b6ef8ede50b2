"""The decoders of DETR and Conditional DETR.

Legend: L layers, N images, Q queries, C channels.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from composer_transformers.configuration import read_configuration
from composer_transformers.detr_tokens import DETR_KINDS
from composer_transformers.parts import install_parts
from composer_transformers.ports import (
    Queries,
    QueryPositions,
    QueryStates,
    ReferencePoints,
    TokenMask,
    TokenPositions,
    Tokens,
)
from composer_transformers.seeding import seeded_by

DETR_DECODER_NAMES = {"network": "model.decoder"}


class DetrDecoded(NamedTuple):
    """Decoded queries.

    Attributes:
        states: after each layer; after the last one only, where the configuration has no
            auxiliary losses.
        references: a centre for each query, to which Conditional DETR's boxes refer; without
            coordinates for DETR.
    """

    states: QueryStates
    references: ReferencePoints


class DetrDecoder(nn.Module):
    """Decodes object queries by attention to each other and to the image.

    It follows Carion et al. 2020 (section 3.2) and Meng et al. 2021 (Conditional DETR).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DETR_KINDS)
        install_parts(self, configuration, DETR_DECODER_NAMES)

    def forward(
        self,
        queries: Queries,
        query_positions: QueryPositions,
        memory: Tokens,
        positions: TokenPositions,
        mask: TokenMask,
        generator: torch.Generator,
    ) -> DetrDecoded:
        """Returns the queries after each layer.

        Args:
            queries: contents of the queries.
            query_positions: embeddings of the queries.
            memory: encoded tokens.
            positions: embeddings of the tokens' places.
            mask: the tokens that lie in the image.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=queries,
                object_queries_position_embeddings=query_positions,
                encoder_hidden_states=memory,
                encoder_attention_mask=mask,
                spatial_position_embeddings=positions,
            )
        states = found.last_hidden_state[None]
        if found.intermediate_hidden_states is not None:
            # The last layer's state is normalised twice, in the predictions that count.
            states = torch.cat([found.intermediate_hidden_states[:-1], states])
        references = getattr(found, "reference_points", None)
        if references is None:
            return DetrDecoded(states, queries.new_zeros(*queries.shape[:2], 0))
        return DetrDecoded(states, references.transpose(0, 1))
