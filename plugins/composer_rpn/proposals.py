"""Region proposals from anchors and the predictions of an RPN head.

Legend: N images, P candidates of an image, D numbers of a box. `_` is the anchors of a level, the
numbers of its cells, or what is left of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.ops import AnyBoxWeights, BoxKind, find_box_kind, flatten_cells
from composer.ranges import Fraction, NonNegative, NonNegativeInt
from composer.structures import (
    AnchorDeltas,
    AnyAnchors,
    AnyBoxes,
    ImageList,
    Objectness,
    Scores,
)
from composer.translation import translated_by


class ProposalBoxes(NamedTuple):
    """The proposals of every image, best first.

    Args:
        boxes: per image.
        objectness_logits: per image, one a box.
    """

    boxes: list[AnyBoxes]  # type: ignore[valid-type]
    objectness_logits: list[Scores]


class ProposalLimits(NamedTuple):
    """Limits of proposals.

    Args:
        pre_nms_topk: candidates per level before suppression.
        post_nms_topk: limit of proposals per image.
        nms_threshold: intersection over union above which the worse box is suppressed.
        min_box_size: both sides of a proposal are longer than this, in pixels.
        min_objectness: the probability of an object is at least this.
    """

    pre_nms_topk: int
    post_nms_topk: int
    nms_threshold: float
    min_box_size: float
    min_objectness: float


class _Candidates(NamedTuple):
    """The best anchors of every image, moved by their offsets.

    Args:
        boxes: of every image.
        logits: objectness.
        levels: the level that each comes from, the same in all images.
    """

    boxes: Float[Tensor, "N P D"]
    logits: Float[Tensor, "N P"]
    levels: Int[Tensor, "P"]


@translated_by("composer_rpn.onnx_translations:translate_proposals")
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
        min_objectness: lower limit of a proposal's probability of an object, before suppression.
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
        min_objectness: Fraction = 0.0,
        box_weights: AnyBoxWeights = (1.0, 1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        topk = {
            True: (pre_nms_topk_training, post_nms_topk_training),
            False: (pre_nms_topk_inference, post_nms_topk_inference),
        }
        self.limits = {
            training: ProposalLimits(*counts, nms_threshold, min_box_size, min_objectness)
            for training, counts in topk.items()
        }
        self.box_weights = box_weights

    @torch.no_grad()
    def forward(
        self, images: ImageList, anchors: AnyAnchors, objectness: Objectness, deltas: AnchorDeltas
    ) -> ProposalBoxes:
        """Returns the proposals of every image; there may be none.

        Raises:
            ValueError: the numbers of anchors and predictions differ.
            FloatingPointError: in training, a prediction is not finite. (In inference such a
                one is dropped.)
        """
        kind = find_box_kind(anchors)
        logits = [flatten_cells(level).squeeze(2) for level in objectness]
        offsets = [flatten_cells(level, kind.dim) for level in deltas]
        _check_counts(anchors, logits, offsets)
        limits, weights = self.limits[self.training], kind.complete_weights(self.box_weights)
        candidates = _pick_candidates(kind, anchors, logits, offsets, limits.pre_nms_topk, weights)
        if self.training:
            _check_finite(candidates)
        proposals = ProposalBoxes([], [])
        for image, image_size in enumerate(images.image_sizes):
            kept, kept_logits = _suppress_candidates(kind, candidates, image, image_size, limits)
            proposals.boxes.append(kept)
            proposals.objectness_logits.append(kept_logits)
        return proposals


def _pick_candidates(
    kind: BoxKind[AnyBoxes],
    anchors: Sequence[Float[Tensor, "_ D"]],
    logits: Sequence[Float[Tensor, "N _"]],
    deltas: Sequence[Float[Tensor, "N _ D"]],
    topk: int,
    box_weights: tuple[float, ...],
) -> _Candidates:
    """Takes the best `topk` anchors of every level and image, and applies their offsets to them."""
    boxes, scores, levels = [], [], []
    for level, (level_anchors, level_logits, level_deltas) in enumerate(
        zip(anchors, logits, deltas, strict=True)
    ):
        best, index = level_logits.topk(min(topk, level_logits.shape[1]), dim=1)
        best_deltas = level_deltas.gather(1, index[:, :, None].expand(-1, -1, kind.dim))
        decoded = kind.decode(
            best_deltas.reshape(-1, kind.dim),
            level_anchors[index].reshape(-1, kind.dim),
            box_weights,
        )
        boxes.append(decoded.reshape(*index.shape, kind.dim))
        scores.append(best)
        levels.append(index.new_full((index.shape[1],), level))
    return _Candidates(torch.cat(boxes, dim=1), torch.cat(scores, dim=1), torch.cat(levels))


def _suppress_candidates(
    kind: BoxKind[AnyBoxes],
    candidates: _Candidates,
    image: int,
    image_size: tuple[int, int],
    limits: ProposalLimits,
) -> tuple[AnyBoxes, Float[Tensor, "_"]]:
    """Clips one image's candidates to it, and drops those not finite, too small or suppressed.

    Candidates of different levels do not suppress each other.
    """
    boxes, logits = candidates.boxes[image], candidates.logits[image]
    is_finite = boxes.isfinite().all(dim=1) & logits.isfinite()
    clipped = kind.structure(boxes).clip(image_size)
    is_likely = logits.sigmoid() >= limits.min_objectness
    is_kept = is_finite & is_likely & clipped.nonempty(limits.min_box_size)
    keep = is_kept.nonzero().squeeze(1)
    kept = kind.suppress(
        clipped.tensor[keep], logits[keep], candidates.levels[keep], limits.nms_threshold
    )
    best = keep[kept[: limits.post_nms_topk]]
    return clipped[best], logits[best]


def _check_counts(
    anchors: Sequence[Float[Tensor, "_ D"]],
    logits: Sequence[Float[Tensor, "N _"]],
    deltas: Sequence[Float[Tensor, "N _ D"]],
) -> None:
    counts = [
        [len(level) for level in anchors],
        [level.shape[1] for level in logits],
        [level.shape[1] for level in deltas],
    ]
    if counts[0] != counts[1] or counts[0] != counts[2]:
        raise ValueError(
            f"Per level there are {counts[0]} anchors, but {counts[1]} objectness logits and "
            f"{counts[2]} sets of offsets. Do the RPN head's num_anchors, in_features and box_dim "
            "fit the anchors' sizes, aspect_ratios, angles and in_features?"
        )


def _check_finite(candidates: _Candidates) -> None:
    if not (candidates.boxes.isfinite().all() and candidates.logits.isfinite().all()):
        raise FloatingPointError(
            "Proposals have boxes or scores that are not finite: training has diverged."
        )
