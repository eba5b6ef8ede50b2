"""The losses of an RPN.

Legend: N images, A anchors of all levels, D numbers of a box. `_` is the anchors of a level, the
numbers of its cells, or the anchors that are objects.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.events import record_scalar
from composer.ops.anchor_grid import flatten_cells
from composer.ops.box_kinds import BoxKind
from composer.structures import AnyBoxes


class LabelledAnchors(NamedTuple):
    """Predictions and targets of the sampled anchors.

    Args:
        class_loss: the cross entropy of all of them, summed up.
        num_counting: the number of sampled anchors.
        sources: the anchors that are objects.
        targets: the target box of each.
        offsets: the predicted offsets of each.
    """

    class_loss: Float[Tensor, ""]
    num_counting: int
    sources: Float[Tensor, "_ D"]
    targets: Float[Tensor, "_ D"]
    offsets: Float[Tensor, "_ D"]


def pick_labelled_anchors(
    kind: BoxKind[AnyBoxes],
    anchors: Sequence[Float[Tensor, "_ D"]],
    objectness: Sequence[Float[Tensor, "N _ _ _"]],
    deltas: Sequence[Float[Tensor, "N _ _ _"]],
    labels: Sequence[Int[Tensor, "A"]],
    boxes: Sequence[AnyBoxes],
) -> LabelledAnchors:
    """Pairs predictions of an RPN with their targets (Ren et al. 2015, equation 1).

    Records `rpn/num_pos_anchors` and `rpn/num_neg_anchors`, per image.

    Args:
        kind: how boxes are written.
        anchors: per level.
        objectness: logits per level.
        deltas: box offsets per level.
        labels: per image, of all anchors: 1, 0, or -1 for ignored ones.
        boxes: per image, the target box of each anchor.

    Raises:
        ValueError: the numbers of labels, predictions and anchors differ.
    """
    logits = torch.cat([flatten_cells(level).squeeze(2) for level in objectness], dim=1)
    wanted = torch.stack(list(labels)) if labels else logits.new_zeros(logits.shape).long()
    if wanted.shape != logits.shape:
        raise ValueError(
            f"Labels of {tuple(wanted.shape)} images and anchors, but objectness of "
            f"{tuple(logits.shape)}."
        )
    is_object, counts = wanted == 1, wanted >= 0
    _record_counts(is_object, counts)
    class_loss = F.binary_cross_entropy_with_logits(
        logits[counts], wanted[counts].to(logits.dtype), reduction="sum"
    )
    images, positions = is_object.nonzero(as_tuple=True)
    offsets = torch.cat([flatten_cells(level, kind.dim) for level in deltas], dim=1)
    targets = kind.structure.cat(boxes).tensor.to(offsets.device)
    return LabelledAnchors(
        class_loss,
        int(counts.sum()),
        torch.cat(list(anchors))[positions],
        targets[images * is_object.shape[1] + positions],
        offsets[images, positions],
    )


def _record_counts(is_object: Bool[Tensor, "N A"], counts: Bool[Tensor, "N A"]) -> None:
    num_images = max(len(is_object), 1)
    num_objects: Int[Tensor, ""] = is_object.sum()
    record_scalar("rpn/num_pos_anchors", num_objects / num_images)
    record_scalar("rpn/num_neg_anchors", (counts.sum() - num_objects) / num_images)
