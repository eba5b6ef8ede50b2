"""The rotated regions that are worth a closer look.

Legend: N images, A anchors of a level.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ops import flatten_cells
from composer.structures import (
    AnchorDeltas,
    ImageList,
    Objectness,
    RotatedAnchors,
    RotatedBoxes,
    Scores,
)
from composer_rotated.selection import Candidates, pick_candidates, suppress_candidates


class RotatedProposalBoxes(NamedTuple):
    """The proposals of every image, best first.

    Args:
        boxes: per image.
        objectness_logits: per image, one a box.
    """

    boxes: list[RotatedBoxes]
    objectness_logits: list[Scores]


class RotatedProposals(nn.Module):
    """Turns what an RPN head says about rotated anchors into proposals (Ma et al. 2018).

    The best anchors of each level are moved by their offsets, clipped to the image where they
    lie flat, and thinned out by non-maximum suppression within each level; the best of all levels
    are left. Gradients do not flow through proposals.

    Args:
        pre_nms_topk_training: anchors of a level that are considered, in training.
        pre_nms_topk_inference: the same in inference.
        post_nms_topk_training: proposals of an image that are left, in training.
        post_nms_topk_inference: the same in inference.
        nms_threshold: intersection over union from which on the worse box goes.
        min_box_size: both sides of a proposal are longer than this, in pixels.
        box_weights: factors of the offsets, the last one of the angle's.
    """

    def __init__(
        self,
        *,
        pre_nms_topk_training: int = 12000,
        pre_nms_topk_inference: int = 6000,
        post_nms_topk_training: int = 2000,
        post_nms_topk_inference: int = 1000,
        nms_threshold: float = 0.7,
        min_box_size: float = 0.0,
        box_weights: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        self.pre_nms_topk = {True: pre_nms_topk_training, False: pre_nms_topk_inference}
        self.post_nms_topk = {True: post_nms_topk_training, False: post_nms_topk_inference}
        self.nms_threshold = nms_threshold
        self.min_box_size = min_box_size
        self.box_weights = box_weights

    @torch.no_grad()
    def forward(
        self,
        images: ImageList,
        anchors: RotatedAnchors,
        objectness: Objectness,
        deltas: AnchorDeltas,
    ) -> RotatedProposalBoxes:
        """Returns the proposals of every image; there may be none.

        Raises:
            ValueError: there are not as many anchors as predictions.
            FloatingPointError: in training, a prediction is not finite. (In inference such a
                one is dropped.)
        """
        logits = [flatten_cells(level).squeeze(2) for level in objectness]
        flat_deltas = [flatten_cells(level, 5) for level in deltas]
        _check_counts(anchors, logits, flat_deltas)
        candidates = pick_candidates(
            anchors, logits, flat_deltas, self.pre_nms_topk[self.training], self.box_weights
        )
        if self.training:
            _check_finite(candidates)
        boxes, scores = [], []
        for image, image_size in enumerate(images.image_sizes):
            kept, kept_logits = suppress_candidates(
                candidates.boxes[image],
                candidates.logits[image],
                candidates.levels,
                image_size,
                topk=self.post_nms_topk[self.training],
                nms_threshold=self.nms_threshold,
                min_box_size=self.min_box_size,
            )
            boxes.append(kept)
            scores.append(kept_logits)
        return RotatedProposalBoxes(boxes, scores)


def _check_counts(
    anchors: list[Float[Tensor, "_ 5"]],
    logits: list[Float[Tensor, "N _"]],
    deltas: list[Float[Tensor, "N _ 5"]],
) -> None:
    counts = [
        [len(level) for level in anchors],
        [level.shape[1] for level in logits],
        [level.shape[1] for level in deltas],
    ]
    if counts[0] != counts[1] or counts[0] != counts[2]:
        raise ValueError(
            f"Per level there are {counts[0]} anchors, but {counts[1]} objectness logits and "
            f"{counts[2]} sets of offsets. Do the RPN head's num_anchors and in_features fit the "
            "anchors' sizes, aspect_ratios, angles and in_features, and is its box_dim 5?"
        )


def _check_finite(candidates: Candidates) -> None:
    if not (candidates.boxes.isfinite().all() and candidates.logits.isfinite().all()):
        raise FloatingPointError(
            "Proposals have boxes or scores that are not finite: training has diverged."
        )
