"""The pixel decoder, the queries and the decoder of Mask2Former (Cheng et al. 2022).

Legend: L layers, N images, Q queries, C channels. `_` is a map's channels, height and width.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from composer.structures import Features, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.mask_ports import MaskFeatures, QueryMasks
from composer_transformers.parts import install_parts
from composer_transformers.ports import Queries, QueryPositions, QueryStates
from composer_transformers.seeding import seeded_by

MASK2FORMER_KINDS = ("mask2former",)
MASK2FORMER_PIXEL_NAMES = {"network": "model.pixel_level_module.decoder"}
MASK2FORMER_QUERIES_NAMES = {
    "queries_features": "model.transformer_module.queries_features",
    "queries_embedder": "model.transformer_module.queries_embedder",
}
MASK2FORMER_DECODER_NAMES = {
    "position_embedder": "model.transformer_module.position_embedder",
    "input_projections": "model.transformer_module.input_projections",
    "level_embed": "model.transformer_module.level_embed",
    "network": "model.transformer_module.decoder",
}


_NUM_LEVELS = 3  # that the decoder attends to, the coarsest ones


class DecodedPixels(NamedTuple):
    """Features of the pixels of images.

    Attributes:
        features: of three levels, finest first.
        mask_features: at the finest level.
    """

    features: Features
    mask_features: MaskFeatures


class Mask2FormerPixelDecoder(nn.Module):
    """Fuses the levels by attention to a few points of each (Cheng et al. 2022, section 3.2).

    Args:
        features_shape: the levels of the backbone.
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, features_shape: dict[str, TensorShape], config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASK2FORMER_KINDS)
        install_parts(self, configuration, MASK2FORMER_PIXEL_NAMES)
        self._output_shape = {
            level: TensorShape(channels=configuration.feature_size, stride=shape.stride)
            for level, shape in list(features_shape.items())[-_NUM_LEVELS:]
        }

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The fused levels, finest first."""
        return self._output_shape

    def forward(self, features: Features, generator: torch.Generator) -> DecodedPixels:
        """Returns the fused levels and the features of masks.

        Args:
            features: of the backbone, finest first.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(list(features.values()), output_hidden_states=False)
        fused = zip(self._output_shape, found.multi_scale_features[::-1], strict=True)
        return DecodedPixels(dict(fused), found.mask_features)


class Mask2FormerQuerySet(NamedTuple):
    """The queries from which the decoder starts.

    Attributes:
        contents: learned, the same for all images.
        positions: their embeddings, likewise.
    """

    contents: Queries
    positions: QueryPositions


class Mask2FormerQueries(nn.Module):
    """Repeats the learned queries for each image (Cheng et al. 2022, section 3.2).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    queries_features: nn.Embedding
    queries_embedder: nn.Embedding

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASK2FORMER_KINDS)
        install_parts(self, configuration, MASK2FORMER_QUERIES_NAMES)

    def forward(self, mask_features: MaskFeatures) -> Mask2FormerQuerySet:
        """Returns the queries of each image.

        Args:
            mask_features: for the number of images.
        """
        count = len(mask_features)
        return Mask2FormerQuerySet(
            self.queries_features.weight.unsqueeze(0).repeat(count, 1, 1),
            self.queries_embedder.weight.unsqueeze(0).repeat(count, 1, 1),
        )


class DecodedMasks(NamedTuple):
    """Decoded queries.

    Attributes:
        states: after each layer; the first ones are those of the queries themselves.
        masks: of each query, likewise.
    """

    states: QueryStates
    masks: QueryMasks


class Mask2FormerDecoder(nn.Module):
    """Decodes queries, each of which attends to the places of its mask so far.

    It follows Cheng et al. 2022 (section 3.2, masked attention).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    position_embedder: nn.Module
    input_projections: nn.ModuleList
    level_embed: nn.Embedding
    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASK2FORMER_KINDS)
        install_parts(self, configuration, MASK2FORMER_DECODER_NAMES)

    def forward(
        self,
        queries: Queries,
        query_positions: QueryPositions,
        features: Features,
        mask_features: MaskFeatures,
        generator: torch.Generator,
    ) -> DecodedMasks:
        """Returns the queries and their masks after each layer.

        Args:
            queries: contents of the queries.
            query_positions: embeddings of the queries.
            features: of three levels, finest first.
            mask_features: of the places of masks.
            generator: of the dropout, in training.
        """
        maps = list(features.values())[::-1]
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=queries.transpose(0, 1),
                multi_stage_positional_embeddings=[self._embed(one) for one in maps],
                pixel_embeddings=mask_features,
                encoder_hidden_states=[self._flatten(n, one) for n, one in enumerate(maps)],
                query_position_embeddings=query_positions.transpose(0, 1),
                feature_size_list=[one.shape[-2:] for one in maps],
                output_hidden_states=True,
                return_dict=True,
            )
        states = torch.stack(found.intermediate_hidden_states).transpose(1, 2)
        return DecodedMasks(states, torch.stack(found.masks_queries_logits))

    def _embed(self, features: Tensor) -> Tensor:
        """Embeddings of the places of a map: place, image, channel."""
        found: Tensor = self.position_embedder(
            features.shape, features.device, features.dtype, None
        )
        return found.expand(len(features), -1, -1, -1).flatten(2).permute(2, 0, 1)

    def _flatten(self, level: int, features: Tensor) -> Tensor:
        """A map as a sequence, marked with its level: place, image, channel."""
        projected: Tensor = self.input_projections[level](features)
        marked = projected.flatten(2) + self.level_embed.weight[level][None, :, None]
        return marked.permute(2, 0, 1)
