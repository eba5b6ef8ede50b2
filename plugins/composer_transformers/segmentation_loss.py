"""Losses between sets of masks and of segments (Carion et al. 2020, section 4.4)."""

from typing import Any

from torch import nn

from composer.ranges import NonNegativeInt, PositiveInt
from composer.structures import ImageList, Instances, Losses
from composer_transformers.configuration import count_classes, read_configuration
from composer_transformers.detr_masks import DETR_MASK_KINDS, DETR_SEGMENTATION
from composer_transformers.labels import make_box_labels
from composer_transformers.mask_ports import QueryMasks
from composer_transformers.parts import find_loss
from composer_transformers.ports import QueryBoxes, QueryLogits
from composer_transformers.set_loss import weigh_losses


class SegmentationLoss(nn.Module):
    """Matches queries to segments, and compares classes, boxes and, at last, masks.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, of things where there are others; that of no object does
            not count.
        num_stuff_classes: number of classes of stuff, which come after those of things.
    """

    def __init__(
        self,
        *,
        config: dict[str, Any],
        num_classes: PositiveInt | None = None,
        num_stuff_classes: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        count = count_classes(num_classes, num_stuff_classes)
        self.configuration = read_configuration(config, count, DETR_MASK_KINDS)
        self.architecture = DETR_SEGMENTATION[self.configuration.model_type]
        self.loss_function = find_loss(self.configuration, self.architecture)

    def forward(
        self,
        logits: QueryLogits,
        boxes: QueryBoxes,
        masks: QueryMasks,
        targets: list[Instances],
        images: ImageList,
    ) -> Losses:
        """Returns the weighted losses.

        Args:
            logits: class logits after each layer.
            boxes: boxes after each layer.
            masks: mask logits after the last layer.
            targets: per image `gt_classes` and `gt_masks`, in the resolution of the padded images.
            images: for their sizes without padding, of which boxes are parts.

        Returns:
            `loss_ce`, `loss_bbox`, `loss_giou`, `loss_mask` and `loss_dice` of the last layer, and
            the first three with `_0`, `_1`, ... of those before it.
        """
        visible = [one[one.gt_masks.tensor.flatten(1).any(1)] for one in targets]
        sized = [
            Instances(size, gt_classes=one.gt_classes, gt_boxes=one.gt_masks.get_bounding_boxes())
            for one, size in zip(visible, images.image_sizes, strict=True)
        ]
        labels = make_box_labels(sized, boxes)
        for label, one in zip(labels, visible, strict=True):
            label["masks"] = one.gt_masks.tensor.to(masks)
        _, found, _ = self.loss_function(
            logits[-1],
            labels,
            boxes.device,
            boxes[-1],
            masks[-1],
            self.configuration,
            logits,
            boxes,
        )
        return weigh_losses(found, self.configuration)
