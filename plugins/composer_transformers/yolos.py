"""YOLOS: a plain vision transformer with tokens for objects (Fang et al. 2021).

Legend: N images, Q queries, C channels. `_` is the tokens of an image: one for its class, those
of its patches, and one for each query.
"""

from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer.structures import ImageList, PortType
from composer_transformers.configuration import read_configuration
from composer_transformers.detr_predictions import QueryPredictions
from composer_transformers.masks import match_pixels
from composer_transformers.parts import install_parts
from composer_transformers.ports import QueryStates
from composer_transformers.seeding import seeded_by

YOLOS_KINDS = ("yolos",)
YOLOS_EMBEDDINGS_NAMES = {"network": "vit.embeddings"}
YOLOS_ENCODER_NAMES = {"network": "vit.encoder", "layernorm": "vit.layernorm"}
YOLOS_PREDICTIONS_NAMES = {
    "class_labels_classifier": "class_labels_classifier",
    "bbox_predictor": "bbox_predictor",
}

PatchTokens = Annotated[
    Float[Tensor, "N _ C"],
    PortType("PatchTokens", "Tokens of an image: its class, its patches, and the queries last."),
]


class YolosEmbeddings(nn.Module):
    """Embeds the patches of images, and adds tokens for objects.

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=YOLOS_KINDS)
        install_parts(self, configuration, YOLOS_EMBEDDINGS_NAMES, from_whole=True)

    def forward(self, images: ImageList, generator: torch.Generator) -> PatchTokens:
        """Returns the tokens of each image; padding counts as a part of it.

        Args:
            images: the images.
            generator: of the dropout, in training.
        """
        with seeded_by(generator, draws=self.training):
            tokens: Tensor = self.network(match_pixels(images, self.network))
        return tokens


class YolosEncoder(nn.Module):
    """Encodes tokens by attention to each other, and returns those of the objects.

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module
    layernorm: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=YOLOS_KINDS)
        self.num_queries = configuration.num_detection_tokens
        install_parts(self, configuration, YOLOS_ENCODER_NAMES, from_whole=True)

    def forward(
        self, tokens: PatchTokens, images: ImageList, generator: torch.Generator
    ) -> QueryStates:
        """Returns the tokens of the objects after the last layer.

        Args:
            tokens: of the images.
            images: for their padded size.
            generator: of the dropout, in training.
        """
        height, width = images.tensor.shape[-2:]
        with seeded_by(generator, draws=self.training):
            found = self.network(tokens, height=height, width=width)
        states: Tensor = self.layernorm(found.last_hidden_state)
        return states[None, :, -self.num_queries :]


class YolosPredictions(nn.Module):
    """Predicts a class and a box from each query.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, without that of no object.
    """

    class_labels_classifier: nn.Module
    bbox_predictor: nn.Module

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        configuration = read_configuration(config, num_classes, YOLOS_KINDS)
        install_parts(self, configuration, YOLOS_PREDICTIONS_NAMES)

    def forward(self, states: QueryStates) -> QueryPredictions:
        """Returns the predictions of each query."""
        boxes: Tensor = self.bbox_predictor(states)
        return QueryPredictions(self.class_labels_classifier(states), boxes.sigmoid())
