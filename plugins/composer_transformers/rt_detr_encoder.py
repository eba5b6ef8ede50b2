"""The hybrid encoders of RT-DETR and D-FINE.

Legend: N images. `_` is channels, and a map's height and width.
"""

from typing import Any

import torch
from torch import nn

from composer.structures import Features, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.parts import install_parts
from composer_transformers.seeding import seeded_by

RT_DETR_KINDS = ("rt_detr", "rt_detr_v2", "d_fine")
RT_DETR_PROJECTION_NAMES = {"layers": "model.encoder_input_proj"}
RT_DETR_ENCODER_NAMES = {"network": "model.encoder"}


class RTDetrProjection(nn.Module):
    """Projects the maps of the backbone to the width of the encoder.

    Args:
        features_shape: the levels that come in.
        config: the model's configuration, as in a `config.json`.
    """

    layers: nn.ModuleList

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        config: dict[str, Any],
    ) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=RT_DETR_KINDS)
        install_parts(self, configuration, RT_DETR_PROJECTION_NAMES)
        self._output_shape = {
            name: TensorShape(channels=configuration.encoder_hidden_dim, stride=shape.stride)
            for name, shape in features_shape.items()
        }

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The same levels, with the encoder's channels."""
        return self._output_shape

    def forward(self, features: Features) -> Features:
        """Returns the projected maps."""
        maps = zip(features.items(), self.layers, strict=True)
        return {name: layer(map_) for (name, map_), layer in maps}


class RTDetrEncoder(nn.Module):
    """Lets the places of the coarsest map attend to each other, and fuses the levels.

    It follows Zhao et al. 2024 (RT-DETR, section 4.2).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=RT_DETR_KINDS)
        install_parts(self, configuration, RT_DETR_ENCODER_NAMES)

    def forward(self, features: Features, generator: torch.Generator) -> Features:
        """Returns the fused maps, by the same levels.

        Args:
            features: the projected maps, finest first.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            found = self.network(inputs_embeds=list(features.values()))  # it changes the list
        return dict(zip(features, found.last_hidden_state, strict=True))
