"""Region proposals from anchors and the predictions of an RPN head."""

from typing import NamedTuple

from torch import nn

from composer.ops import AnyBoxWeights, ProposalLimits, find_box_kind, select_proposals
from composer.ranges import Fraction, NonNegative, NonNegativeInt
from composer.structures import (
    AnchorDeltas,
    AnyAnchors,
    AnyBoxes,
    ImageList,
    Objectness,
    Scores,
)


class ProposalBoxes(NamedTuple):
    """The proposals of every image, best first.

    Args:
        boxes: per image.
        objectness_logits: per image, one a box.
    """

    boxes: list[AnyBoxes]  # type: ignore[valid-type]
    objectness_logits: list[Scores]


class Proposals(nn.Module):
    """Turns an RPN head's predictions into proposals (Ren et al. 2015, section 3.3).

    The best anchors of each level are moved by their offsets, clipped to the image (rotated ones
    where they lie flat), and thinned out by non-maximum suppression within each level; the best
    of all levels are left. Gradients do not flow through proposals. They are upright or rotated
    as the anchors are.

    Args:
        pre_nms_topk_training: candidates per level before suppression, in training.
        pre_nms_topk_inference: the same in inference.
        post_nms_topk_training: proposals per image after suppression, in training.
        post_nms_topk_inference: the same in inference.
        nms_threshold: intersection over union above which the worse box is suppressed.
        min_box_size: lower limit of both sides of a proposal, in pixels.
        box_weights: factors of the offsets; that of an angle is 1 where it is left out.
    """

    def __init__(
        self,
        *,
        pre_nms_topk_training: NonNegativeInt = 12000,
        pre_nms_topk_inference: NonNegativeInt = 6000,
        post_nms_topk_training: NonNegativeInt = 2000,
        post_nms_topk_inference: NonNegativeInt = 1000,
        nms_threshold: Fraction = 0.7,
        min_box_size: NonNegative = 0.0,
        box_weights: AnyBoxWeights = (1.0, 1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        topk = {
            True: (pre_nms_topk_training, post_nms_topk_training),
            False: (pre_nms_topk_inference, post_nms_topk_inference),
        }
        self.limits = {
            training: ProposalLimits(*counts, nms_threshold, min_box_size)
            for training, counts in topk.items()
        }
        self.box_weights = box_weights

    def forward(
        self, images: ImageList, anchors: AnyAnchors, objectness: Objectness, deltas: AnchorDeltas
    ) -> ProposalBoxes:
        """Returns the proposals of every image; there may be none.

        Raises:
            ValueError: the numbers of anchors and predictions differ.
            FloatingPointError: in training, a prediction is not finite. (In inference such a
                one is dropped.)
        """
        return ProposalBoxes(
            *select_proposals(
                find_box_kind(anchors),
                anchors,
                objectness,
                deltas,
                images.image_sizes,
                limits=self.limits[self.training],
                box_weights=self.box_weights,
                must_be_finite=self.training,
            )
        )
