"""The losses of RT-DETR, RT-DETRv2 and D-FINE."""

from typing import Any

import torch
from torch import nn

from composer.ranges import PositiveInt
from composer.structures import Instances, Losses
from composer_transformers.configuration import read_configuration
from composer_transformers.labels import make_box_labels
from composer_transformers.parts import find_loss
from composer_transformers.ports import (
    Denoising,
    ProposalBoxes,
    ProposalLogits,
    QueryBoxes,
    QueryLogits,
)
from composer_transformers.rt_detr_decoder import BoxDistributions, FirstBoxes
from composer_transformers.rt_detr_encoder import RT_DETR_KINDS


class RTDetrLoss(nn.Module):
    """Matches queries to objects, and compares their classes and boxes, after each layer.

    Classes are compared with the overlap of the boxes (Zhang et al. 2021, VarifocalNet); D-FINE
    compares the distributions of distances, too.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, without that of no object.
    """

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        self.configuration = read_configuration(config, num_classes, RT_DETR_KINDS)
        self.loss_function = find_loss(self.configuration)

    def forward(
        self,
        logits: QueryLogits,
        boxes: QueryBoxes,
        proposal_logits: ProposalLogits,
        proposal_boxes: ProposalBoxes,
        denoising: Denoising,
        distributions: BoxDistributions,
        first_boxes: FirstBoxes,
        targets: list[Instances],
    ) -> Losses:
        """Returns the weighted losses.

        Args:
            logits: class logits after each layer.
            boxes: boxes after each layer.
            proposal_logits: class logits of the places that became queries.
            proposal_boxes: their boxes.
            denoising: the groups of noisy objects.
            distributions: of the distances (D-FINE).
            first_boxes: to which the distances refer (D-FINE).
            targets: per image, `gt_classes` and `gt_boxes`.

        Returns:
            `loss_vfl`, `loss_bbox` and `loss_giou`, D-FINE's `loss_fgl` and `loss_ddf`, and the
            same of other layers (`_aux_0`, ...) and of noisy objects (`_dn_0`, ...).
        """
        groups = {name: value for name, value in denoising.items() if name != "mask"}
        _, found, _ = self.loss_function(
            logits[-1],
            make_box_labels(targets, boxes),
            boxes.device,
            boxes[-1],
            self.configuration,
            logits.transpose(0, 1),
            boxes.transpose(0, 1),
            enc_topk_logits=proposal_logits,
            enc_topk_bboxes=proposal_boxes,
            denoising_meta_values=groups or None,
            predicted_corners=distributions.transpose(0, 1) if len(distributions) else None,
            initial_reference_points=first_boxes.transpose(0, 1) if len(first_boxes) else None,
        )
        return {name: torch.as_tensor(loss, device=boxes.device) for name, loss in found.items()}
