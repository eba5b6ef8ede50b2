"""Selection of proposals from scored anchors.

Legend: N images, P candidates of an image, D numbers of a box. `_` is the anchors of a level, the
numbers of its cells, or what is left of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops.anchor_grid import flatten_cells
from composer.ops.box_kinds import BoxKind
from composer.structures import AnyBoxes


@dataclass(frozen=True)
class ProposalLimits:
    """Limits of proposals.

    Args:
        pre_nms_topk: candidates per level before suppression.
        post_nms_topk: limit of proposals per image.
        nms_threshold: intersection over union above which the worse box is suppressed.
        min_box_size: both sides of a proposal are longer than this, in pixels.
    """

    pre_nms_topk: int
    post_nms_topk: int
    nms_threshold: float
    min_box_size: float


@dataclass(frozen=True)
class _Candidates:
    """The best anchors of every image, moved by their offsets.

    Args:
        boxes: of every image.
        logits: objectness.
        levels: the level that each comes from, the same in all images.
    """

    boxes: Float[Tensor, "N P D"]
    logits: Float[Tensor, "N P"]
    levels: Int[Tensor, "P"]


@torch.no_grad()
def select_proposals(
    kind: BoxKind[AnyBoxes],
    anchors: Sequence[Float[Tensor, "_ D"]],
    objectness: Sequence[Float[Tensor, "N _ _ _"]],
    deltas: Sequence[Float[Tensor, "N _ _ _"]],
    image_sizes: Sequence[tuple[int, int]],
    *,
    limits: ProposalLimits,
    box_weights: tuple[float, ...],
    must_be_finite: bool,
) -> tuple[list[AnyBoxes], list[Float[Tensor, "_"]]]:
    """Turns an RPN head's predictions into proposals (Ren et al. 2015, section 3.3).

    Args:
        kind: how boxes are written.
        anchors: per level.
        objectness: logits per level.
        deltas: box offsets per level.
        image_sizes: (height, width) of each image.
        limits: limits of proposals.
        box_weights: factors of the offsets.
        must_be_finite: whether predictions that are not finite are refused; otherwise they are
            dropped.

    Returns:
        The boxes and the objectness logits of every image, best first; there may be none.

    Raises:
        ValueError: the numbers of anchors and predictions differ.
        FloatingPointError: a prediction is not finite and must be.
    """
    logits = [flatten_cells(level).squeeze(2) for level in objectness]
    offsets = [flatten_cells(level, kind.dim) for level in deltas]
    _check_counts(anchors, logits, offsets)
    weights = kind.complete_weights(box_weights)
    candidates = _pick_candidates(kind, anchors, logits, offsets, limits.pre_nms_topk, weights)
    if must_be_finite:
        _check_finite(candidates)
    boxes, scores = [], []
    for image, image_size in enumerate(image_sizes):
        kept, kept_logits = _suppress_candidates(kind, candidates, image, image_size, limits)
        boxes.append(kept)
        scores.append(kept_logits)
    return boxes, scores


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
    keep = (is_finite & clipped.nonempty(limits.min_box_size)).nonzero().squeeze(1)
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
