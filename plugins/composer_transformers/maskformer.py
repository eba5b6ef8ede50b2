"""The pixel decoder, the queries and the decoder of MaskFormer (Cheng et al. 2021).

Legend: L layers, N images, Q queries, C channels. `_` is a map's channels, height and width.
"""

from typing import Any

import torch
from torch import Tensor, nn

from composer.structures import Features, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.mask2former import DecodedMasks, DecodedPixels, Mask2FormerQuerySet
from composer_transformers.mask_ports import MaskFeatures
from composer_transformers.parts import install_parts
from composer_transformers.ports import Queries, QueryPositions
from composer_transformers.seeding import seeded_by

MASKFORMER_KINDS = ("maskformer",)
MASKFORMER_PIXEL_NAMES = {"network": "model.pixel_level_module.decoder"}
MASKFORMER_QUERIES_NAMES = {"queries_embedder": "model.transformer_module.queries_embedder"}
MASKFORMER_DECODER_NAMES = {
    "position_embedder": "model.transformer_module.position_embedder",
    "input_projection": "model.transformer_module.input_projection",
    "network": "model.transformer_module.decoder",
    "mask_embedder": "mask_embedder",
}


class MaskFormerPixelDecoder(nn.Module):
    """Fuses the levels by a feature pyramid (Cheng et al. 2021, section 3.3).

    Args:
        features_shape: the levels of the backbone.
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, features_shape: dict[str, TensorShape], config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASKFORMER_KINDS)
        install_parts(self, configuration, MASKFORMER_PIXEL_NAMES)
        self._output_shape = dict(list(features_shape.items())[-1:])

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The coarsest level, as the backbone gives it."""
        return self._output_shape

    def forward(self, features: Features) -> DecodedPixels:
        """Returns the coarsest map of the backbone, for the decoder, and the features of masks.

        Args:
            features: of the backbone, finest first.
        """
        maps = list(features.values())
        coarsest = list(features)[-1]
        found: Tensor = self.network(maps).last_hidden_state
        return DecodedPixels({coarsest: features[coarsest]}, found)


class MaskFormerQueries(nn.Module):
    """Repeats the learned queries for each image (Cheng et al. 2021, section 3.3).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    queries_embedder: nn.Embedding

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASKFORMER_KINDS)
        install_parts(self, configuration, MASKFORMER_QUERIES_NAMES)

    def forward(self, mask_features: MaskFeatures) -> Mask2FormerQuerySet:
        """Returns the queries of each image, whose contents are zeros.

        Args:
            mask_features: for the number of images.
        """
        positions = self.queries_embedder.weight.unsqueeze(0).repeat(len(mask_features), 1, 1)
        return Mask2FormerQuerySet(torch.zeros_like(positions), positions)


class MaskFormerDecoder(nn.Module):
    """Decodes queries by attention to each other and to the coarsest map, and selects masks.

    It follows Cheng et al. 2021 (section 3.3).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    position_embedder: nn.Module
    network: nn.Module
    mask_embedder: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASKFORMER_KINDS)
        self.has_auxiliary_loss = configuration.use_auxiliary_loss
        install_parts(self, configuration, MASKFORMER_DECODER_NAMES)

    def forward(
        self,
        queries: Queries,
        query_positions: QueryPositions,
        features: Features,
        mask_features: MaskFeatures,
        generator: torch.Generator,
    ) -> DecodedMasks:
        """Returns the queries and their masks; of all layers where each has losses.

        Args:
            queries: contents of the queries.
            query_positions: embeddings of the queries.
            features: the last map is used.
            mask_features: of the places of masks.
            generator: of the dropout, in training.
        """
        *_, coarsest = features.values()
        if "input_projection" in self._modules:
            coarsest = self.get_submodule("input_projection")(coarsest)
        positions = self.position_embedder(coarsest.shape, coarsest.device, coarsest.dtype)
        positions = positions.expand(len(coarsest), -1, -1, -1)
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=queries,
                attention_mask=None,
                encoder_hidden_states=coarsest.flatten(2).transpose(1, 2),
                encoder_attention_mask=None,
                spatial_position_embeddings=positions.flatten(2).transpose(1, 2),
                object_queries_position_embeddings=query_positions,
                output_hidden_states=self.has_auxiliary_loss,
                return_dict=True,
            )
        layers = found.hidden_states if self.has_auxiliary_loss else (found.last_hidden_state,)
        states = torch.stack(tuple(layers))
        embedded = self.mask_embedder(states)
        return DecodedMasks(states, torch.einsum("lbqc, bchw -> lbqhw", embedded, mask_features))
