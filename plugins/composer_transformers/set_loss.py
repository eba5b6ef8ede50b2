"""Losses between sets of predictions and of objects (Carion et al. 2020, section 3.1)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer.structures import Instances, Losses
from composer_transformers.configuration import FAMILIES, read_configuration
from composer_transformers.labels import make_box_labels
from composer_transformers.parts import find_loss
from composer_transformers.ports import QueryBoxes, QueryLogits

SET_LOSS_KINDS = ("detr", "conditional_detr", "deformable_detr", "yolos")


class SetLoss(nn.Module):
    """Matches queries to objects, and compares their classes and boxes, after each layer.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, without that of no object.
    """

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        self.configuration = read_configuration(config, num_classes, SET_LOSS_KINDS)
        if self.configuration.model_type == "yolos":  # whose queries are returned once, at the end
            self.configuration.auxiliary_loss = False
        self.loss_function = find_loss(self.configuration)

    def forward(self, logits: QueryLogits, boxes: QueryBoxes, targets: list[Instances]) -> Losses:
        """Returns the weighted losses.

        Args:
            logits: class logits after each layer.
            boxes: boxes after each layer.
            targets: per image, `gt_classes` and `gt_boxes`.

        Returns:
            `loss_ce`, `loss_bbox` and `loss_giou` of the last layer, and with `_0`, `_1`, ... of
            those before it.
        """
        labels = make_box_labels(targets, boxes)
        _, found, _ = self.loss_function(
            logits[-1], labels, boxes.device, boxes[-1], self.configuration, logits, boxes
        )
        return weigh_losses(found, self.configuration)


def weigh_losses(losses: Mapping[str, Tensor], config: Any) -> Losses:
    """Returns the losses times their weights, without what is no loss.

    Args:
        losses: by name; those of the layers before the last one end with the layer's number.
        config: the model's configuration.
    """
    weights = FAMILIES[config.model_type].losses
    weighed: Losses = {}
    for name, loss in losses.items():
        kind = name.rstrip("0123456789").rstrip("_") if name not in weights else name
        if kind in weights:
            weight = weights[kind]
            weighed[name] = loss * (1.0 if weight is None else getattr(config, weight))
    return {name: torch.as_tensor(loss) for name, loss in weighed.items()}
