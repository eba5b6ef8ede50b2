"""The decoder of Deformable DETR, with its predictions.

Legend: L layers, N images, Q queries, C channels. `_` is 2 or 4 coordinates.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer_transformers.configuration import read_configuration
from composer_transformers.deformable_detr_tokens import (
    DEFORMABLE_KINDS,
    find_starts,
    find_valid_ratios,
    list_sizes,
)
from composer_transformers.parts import install_parts
from composer_transformers.ports import (
    MapSizes,
    Queries,
    QueryBoxes,
    QueryLogits,
    QueryPositions,
    QueryStates,
    ReferencePoints,
    TokenMask,
    Tokens,
)
from composer_transformers.seeding import seeded_by

DEFORMABLE_DECODER_NAMES = {
    "network": "model.decoder",
    "class_embed": "class_embed",
    "bbox_embed": "bbox_embed",
}
_PREDICTORS = ("class_embed", "bbox_embed")
_EPS = 1e-5  # of the inverse of the sigmoid, as in transformers


class DeformableDecoded(NamedTuple):
    """Decoded queries, with their predictions.

    Attributes:
        states: after each layer.
        logits: class logits after each layer.
        boxes: boxes after each layer.
    """

    states: QueryStates
    logits: QueryLogits
    boxes: QueryBoxes


class DeformableDetrDecoder(nn.Module):
    """Decodes queries by attention to each other and to a few points of each level.

    Where boxes are refined, each layer starts from the boxes of the one before it: so the
    predictors are a part of the decoder (Zhu et al. 2021, section 4.2).

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes.
    """

    network: nn.Module
    class_embed: nn.ModuleList
    bbox_embed: nn.ModuleList

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        configuration = read_configuration(config, num_classes, DEFORMABLE_KINDS)
        install_parts(self, configuration, DEFORMABLE_DECODER_NAMES)
        for name in _PREDICTORS:
            # That of the first of two stages is with the queries.
            predictors = getattr(self, name)[: configuration.decoder_layers]
            setattr(self, name, predictors)
            if getattr(self.network, name, None) is not None:
                self._share(name, predictors)

    def _share(self, name: str, predictors: nn.ModuleList) -> None:
        """Gives the network, which refines boxes, the same predictors, which are saved once."""
        del self.network._modules[name]
        self.network.__dict__[name] = predictors

    def forward(
        self,
        queries: Queries,
        query_positions: QueryPositions,
        references: ReferencePoints,
        memory: Tokens,
        mask: TokenMask,
        sizes: MapSizes,
        generator: torch.Generator,
    ) -> DeformableDecoded:
        """Returns the queries and their predictions after each layer.

        Args:
            queries: contents of the queries.
            query_positions: embeddings of the queries.
            references: their centres or boxes.
            memory: encoded tokens.
            mask: the tokens that lie in the image.
            sizes: of the levels.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=queries,
                object_queries_position_embeddings=query_positions,
                encoder_hidden_states=memory,
                encoder_attention_mask=mask,
                reference_points=references,
                spatial_shapes=sizes,
                spatial_shapes_list=list_sizes(sizes),
                level_start_index=find_starts(sizes),
                valid_ratios=find_valid_ratios(mask, sizes).to(memory.dtype),
            )
        states = found.intermediate_hidden_states.transpose(0, 1)
        refined = found.intermediate_reference_points.transpose(0, 1)
        starts = [references, *refined[:-1]]
        layers = zip(states, starts, self.class_embed, self.bbox_embed, strict=True)
        predicted = [
            (classify(state), _move(box(state), start)) for state, start, classify, box in layers
        ]
        logits, boxes = (torch.stack(values) for values in zip(*predicted, strict=True))
        return DeformableDecoded(states, logits, boxes)


def _move(delta: Float[Tensor, "N Q 4"], start: Float[Tensor, "N Q _"]) -> Float[Tensor, "N Q 4"]:
    """Boxes, from their difference to where the layer started."""
    logits = torch.logit(start, eps=_EPS)
    count = logits.shape[-1]
    return torch.cat([delta[..., :count] + logits, delta[..., count:]], dim=-1).sigmoid()
