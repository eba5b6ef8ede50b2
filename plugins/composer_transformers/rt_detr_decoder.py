"""The decoders of RT-DETR, RT-DETRv2 and D-FINE.

Legend: L layers, N images, Q queries, C channels. `_` is the bins of a box's
distances, and the layers that have them.
"""

from typing import Annotated, Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer.structures import PortType
from composer_transformers.configuration import read_configuration
from composer_transformers.parts import install_parts
from composer_transformers.ports import (
    Denoising,
    MapSizes,
    Queries,
    QueryBoxes,
    QueryLogits,
    QueryStates,
    ReferenceLogits,
    Tokens,
)
from composer_transformers.rt_detr_encoder import RT_DETR_KINDS
from composer_transformers.seeding import seeded_by

RT_DETR_DECODER_NAMES = {"network": "model.decoder"}

BoxDistributions = Annotated[
    Float[Tensor, "_ N Q _"],
    PortType(
        "BoxDistributions",
        "Logits of the distances from a query's first box to the edges of its object (D-FINE).",
    ),
]
FirstBoxes = Annotated[
    Float[Tensor, "_ N Q 4"],
    PortType("FirstBoxes", "Boxes to which the distributions of distances refer (D-FINE)."),
]


class RTDetrDecoded(NamedTuple):
    """Decoded queries, with their predictions: each layer refines the box of the one before it.

    Attributes:
        states: after each layer.
        logits: class logits after each layer.
        boxes: boxes after each layer.
        distributions: D-FINE's; empty for other models.
        first_boxes: D-FINE's; empty for other models.
    """

    states: QueryStates
    logits: QueryLogits
    boxes: QueryBoxes
    distributions: BoxDistributions
    first_boxes: FirstBoxes


class RTDetrDecoder(nn.Module):
    """Decodes queries layer by layer, by attention to each other and to points of the maps.

    It follows Zhao et al. 2024 (RT-DETR) and Peng et al. 2024 (D-FINE).

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, without that of no object.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        configuration = read_configuration(config, num_classes, RT_DETR_KINDS)
        install_parts(self, configuration, RT_DETR_DECODER_NAMES)
        _keep_constants(self.network)
        self._has_layers_first = configuration.model_type == "d_fine"

    def forward(
        self,
        queries: Queries,
        references: ReferenceLogits,
        denoising: Denoising,
        tokens: Tokens,
        sizes: MapSizes,
        generator: torch.Generator,
    ) -> RTDetrDecoded:
        """Returns the queries and their predictions after each layer.

        Args:
            queries: contents of the queries.
            references: logits of their boxes.
            denoising: the groups of noisy objects, which must not see each other.
            tokens: the places of all levels.
            sizes: of the levels.
            generator: of the dropout, in training.
        """
        starts = sizes.prod(1).cumsum(0)
        with seeded_by(generator, draws=self.training):
            found = self.network(
                inputs_embeds=queries,
                encoder_hidden_states=tokens,
                encoder_attention_mask=denoising.get("mask"),
                reference_points=references,
                spatial_shapes=sizes,
                spatial_shapes_list=[(height, width) for height, width in sizes.tolist()],
                level_start_index=torch.cat([starts.new_zeros(1), starts[:-1]]),
            )
        states = found.intermediate_hidden_states
        if not self._has_layers_first:
            states = states.transpose(0, 1)
        empty = queries.new_zeros(0, *queries.shape[:2], 4)
        return RTDetrDecoded(
            states,
            found.intermediate_logits.transpose(0, 1),
            found.intermediate_reference_points.transpose(0, 1),
            _put_layers_first(found.intermediate_predicted_corners, empty),
            _put_layers_first(found.initial_reference_points, empty),
        )


def _keep_constants(network: nn.Module) -> None:
    """Makes buffers of D-FINE's constants, which are parameters that are never trained."""
    for name, parameter in list(network.named_parameters(recurse=False)):
        if not parameter.requires_grad:
            delattr(network, name)
            network.register_buffer(name, parameter.detach())


def _put_layers_first(values: Tensor | None, empty: Tensor) -> Tensor:
    return empty if values is None or not len(values) else values.transpose(0, 1)
