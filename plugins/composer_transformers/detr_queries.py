"""The object queries of DETR.

Legend: Q queries, C channels.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from composer_transformers.configuration import read_configuration
from composer_transformers.detr_tokens import DETR_KINDS
from composer_transformers.parts import install_parts
from composer_transformers.ports import Queries, QueryPositions, Tokens

DETR_QUERIES_NAMES = {"position_embeddings": "model.query_position_embeddings"}


class DetrQuerySet(NamedTuple):
    """The queries from which the decoder starts.

    Attributes:
        contents: zeros.
        positions: learned, the same for all images.
    """

    contents: Queries
    positions: QueryPositions


class DetrQueries(nn.Module):
    """Repeats the learned object queries for each image (Carion et al. 2020, section 3.2).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    position_embeddings: nn.Embedding

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DETR_KINDS)
        install_parts(self, configuration, DETR_QUERIES_NAMES)

    def forward(self, memory: Tokens) -> DetrQuerySet:
        """Returns the queries of each image.

        Args:
            memory: encoded tokens, for the number of images.
        """
        positions = self.position_embeddings.weight.unsqueeze(0).repeat(len(memory), 1, 1)
        return DetrQuerySet(torch.zeros_like(positions), positions)
