"""Classes of the queries of MaskFormer and Mask2Former, their targets and losses.

Legend: L layers, N images, Q queries, H W the height and width of the padded images.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor, nn

from composer.ranges import NonNegativeInt, PositiveInt
from composer.structures import (
    BitMasks,
    ImageBatch,
    ImageList,
    Instances,
    Losses,
    PolygonMasks,
)
from composer_transformers.configuration import count_classes, read_configuration
from composer_transformers.mask_encoder import MASK_KINDS
from composer_transformers.mask_ports import QueryMasks
from composer_transformers.parts import find_loss_weights, install_parts
from composer_transformers.ports import QueryLogits, QueryStates
from composer_transformers.seeding import seeded_by

MASK_PREDICTIONS_NAMES = {"class_predictor": "class_predictor"}
MASK_LOSS_NAMES = {"criterion": "criterion"}
MaskTask = Literal["instance", "semantic", "panoptic"]


class MaskPredictions(nn.Module):
    """Predicts a class from each query.

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, of things where there are others; that of no object does
            not count.
        num_stuff_classes: number of classes of stuff, which come after those of things.
    """

    class_predictor: nn.Module

    def __init__(
        self,
        *,
        config: dict[str, Any],
        num_classes: PositiveInt | None = None,
        num_stuff_classes: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        count = count_classes(num_classes, num_stuff_classes)
        configuration = read_configuration(config, count, MASK_KINDS)
        install_parts(self, configuration, MASK_PREDICTIONS_NAMES)

    def forward(self, states: QueryStates) -> QueryLogits:
        """Returns the class logits after each layer, that of no object last."""
        return self.class_predictor(states)


def mask_targets(
    batch: ImageBatch,
    images: ImageList,
    *,
    task: MaskTask = "instance",
    first_stuff: NonNegativeInt = 0,
    ignore_value: int = 255,
) -> list[Instances]:
    """Gathers the segments of each image, in the resolution of the padded images.

    Args:
        batch: the records, with `instances`, `sem_seg` or `panoptic_seg`.
        images: for their sizes, with and without padding.
        task: which of these are the segments.
        first_stuff: the model's number of the first class of stuff in `panoptic_seg`, where things
            and stuff are numbered apart.
        ignore_value: class of pixels of `sem_seg` that are in no segment.

    Returns:
        Per image `gt_classes` and `gt_masks`.

    Raises:
        ValueError: a record lacks them.
    """
    padded = (images.tensor.shape[-2], images.tensor.shape[-1])
    found = []
    for record, size in zip(batch, images.image_sizes, strict=True):
        masks, classes = _find_segments(record, task, first_stuff, ignore_value)
        resized = F.interpolate(masks[None].float(), size=size)[0] if len(masks) else masks
        masks = resized.new_zeros((len(masks), *padded), dtype=torch.bool)
        if len(masks):
            masks[:, : size[0], : size[1]] = resized.bool()
        found.append(Instances(padded, gt_masks=BitMasks(masks), gt_classes=classes))
    return found


def _find_segments(
    record: dict[str, Any], task: MaskTask, first_stuff: int, ignore_value: int
) -> tuple[Bool[Tensor, "_ _ _"], Int[Tensor, "_"]]:
    """The masks and classes of an image's segments, in its own resolution."""
    key = {"instance": "instances", "semantic": "sem_seg", "panoptic": "panoptic_seg"}[task]
    if key not in record:
        raise ValueError(f"A record has no '{key}', the targets of {task} segmentation.")
    if task == "instance":
        instances: Instances = record[key]
        masks: BitMasks | PolygonMasks = instances.gt_masks
        if isinstance(masks, PolygonMasks):
            masks = BitMasks.from_polygon_masks(masks.polygons, *instances.image_size)
        return masks.tensor, instances.gt_classes
    if task == "semantic":
        sem_seg: Tensor = record[key]
        classes: Tensor = torch.unique(sem_seg)
        classes = classes[classes != ignore_value].to(torch.int64)
        return sem_seg == classes[:, None, None], classes
    ids, segments = record[key]
    segments = [segment for segment in segments if not segment.get("iscrowd")]
    numbers = ids.new_tensor([segment["id"] for segment in segments])
    kinds = [
        segment["category_id"] + (0 if segment.get("isthing", True) else first_stuff)
        for segment in segments
    ]
    classes = torch.tensor(kinds, dtype=torch.int64, device=ids.device)
    return ids == numbers[:, None, None], classes


class MaskLoss(nn.Module):
    """Matches queries to segments, and compares their classes and masks, after each layer.

    Mask2Former compares masks at some points, which are drawn (Cheng et al. 2022, section 3.3).

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, of things where there are others; that of no object does
            not count.
        num_stuff_classes: number of classes of stuff, which come after those of things.
    """

    criterion: nn.Module

    def __init__(
        self,
        *,
        config: dict[str, Any],
        num_classes: PositiveInt | None = None,
        num_stuff_classes: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        count = count_classes(num_classes, num_stuff_classes)
        self.configuration = read_configuration(config, count, MASK_KINDS)
        self.weights = find_loss_weights(self.configuration)
        install_parts(self, self.configuration, MASK_LOSS_NAMES)

    def forward(
        self,
        logits: QueryLogits,
        masks: QueryMasks,
        targets: list[Instances],
        generator: torch.Generator,
    ) -> Losses:
        """Returns the weighted losses.

        Args:
            logits: class logits after each layer.
            masks: mask logits after each layer.
            targets: per image `gt_classes` and `gt_masks`, in the resolution of the padded images.
            generator: of the points.

        Returns:
            `loss_cross_entropy`, `loss_mask` and `loss_dice` of the last layer, and with `_0`,
            `_1`, ... of those before it.
        """
        logits, masks = logits.float(), masks.float()
        others = [
            {"masks_queries_logits": mask, "class_queries_logits": classes}
            for mask, classes in zip(masks[:-1], logits[:-1], strict=True)
        ]
        # The costs of matches become arrays of numpy, which has no bfloat16.
        with seeded_by(generator), torch.autocast(masks.device.type, enabled=False):
            found = self.criterion(
                masks[-1],
                logits[-1],
                [one.gt_masks.tensor.to(masks) for one in targets],
                [one.gt_classes.to(logits.device) for one in targets],
                others,
            )
        return {
            name: loss * next(weight for kind, weight in self.weights.items() if kind in name)
            for name, loss in found.items()
        }
