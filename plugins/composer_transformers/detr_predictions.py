"""Classes and boxes of DETR's queries.

Legend: L layers, N images, Q queries. `_` is 2 coordinates.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from composer.ranges import NonNegativeInt, PositiveInt
from composer_transformers.configuration import count_classes, read_configuration
from composer_transformers.detr_tokens import DETR_KINDS
from composer_transformers.parts import install_parts
from composer_transformers.ports import QueryBoxes, QueryLogits, QueryStates, ReferencePoints

DETR_PREDICTIONS_NAMES = {
    "class_labels_classifier": "class_labels_classifier",
    "bbox_predictor": "bbox_predictor",
}
_EPS = 1e-5  # of the inverse of the sigmoid, as in transformers


class QueryPredictions(NamedTuple):
    """Predictions of each query.

    Attributes:
        logits: of the classes, after each layer; in inference, after the last one only.
        boxes: the boxes, likewise.
    """

    logits: QueryLogits
    boxes: QueryBoxes


class DetrPredictions(nn.Module):
    """Predicts a class and a box from each query.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, of things where there are others; that of no object does
            not count.
        num_stuff_classes: number of classes of stuff, which come after those of things.
        boxes_from_references: whether boxes refer to the references, where there are any. Those of
            transformers' Conditional DETR with masks refer to the image.
    """

    class_labels_classifier: nn.Module
    bbox_predictor: nn.Module

    def __init__(
        self,
        *,
        config: dict[str, Any],
        num_classes: PositiveInt | None = None,
        num_stuff_classes: NonNegativeInt = 0,
        boxes_from_references: bool = True,
    ) -> None:
        super().__init__()
        self.boxes_from_references = boxes_from_references
        count = count_classes(num_classes, num_stuff_classes)
        configuration = read_configuration(config, count, DETR_KINDS)
        install_parts(self, configuration, DETR_PREDICTIONS_NAMES)

    def forward(self, states: QueryStates, references: ReferencePoints) -> QueryPredictions:
        """Returns the predictions after each layer, or after the last one in inference.

        Args:
            states: decoded queries.
            references: centres to which the boxes refer; without coordinates, the image.
        """
        states = states if self.training else states[-1:]
        logits = self.class_labels_classifier(states)
        boxes = self.bbox_predictor(states)
        if self.boxes_from_references and references.shape[-1]:
            centers = torch.logit(references, eps=_EPS)
            boxes = torch.cat([boxes[..., :2] + centers, boxes[..., 2:]], dim=-1)
        return QueryPredictions(logits, boxes.sigmoid())
