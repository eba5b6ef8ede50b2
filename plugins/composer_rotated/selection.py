"""From scored rotated anchors to proposals.

Legend: N images, P proposals of an image, A anchors of a level. `_` is what is left of them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.ops import RotatedBoxWeights, batched_nms_rotated, decode_rotated_deltas
from composer.structures import RotatedBoxes


@dataclass(frozen=True)
class Candidates:
    """The best anchors of every image, moved by their offsets.

    Args:
        boxes: rotated boxes in pixels and degrees.
        logits: objectness.
        levels: the level that each comes from, the same in all images.
    """

    boxes: Float[Tensor, "N P 5"]
    logits: Float[Tensor, "N P"]
    levels: Int[Tensor, "P"]


def pick_candidates(
    anchors: list[Float[Tensor, "_ 5"]],
    logits: list[Float[Tensor, "N _"]],
    deltas: list[Float[Tensor, "N _ 5"]],
    topk: int,
    box_weights: RotatedBoxWeights,
) -> Candidates:
    """Takes the best `topk` anchors of every level and image, and applies their offsets to them.

    Args:
        anchors: per level.
        logits: objectness of each anchor, per level.
        deltas: box offsets of each anchor, per level.
        topk: how many anchors of a level are taken, if there are as many.
        box_weights: factors of the offsets.
    """
    boxes, scores, levels = [], [], []
    for level, (level_anchors, level_logits, level_deltas) in enumerate(
        zip(anchors, logits, deltas, strict=True)
    ):
        best, index = level_logits.topk(min(topk, level_logits.shape[1]), dim=1)
        best_deltas = level_deltas.gather(1, index[:, :, None].expand(-1, -1, 5))
        decoded = decode_rotated_deltas(
            best_deltas.reshape(-1, 5), level_anchors[index].reshape(-1, 5), box_weights
        )
        boxes.append(decoded.reshape(*index.shape, 5))
        scores.append(best)
        levels.append(index.new_full((index.shape[1],), level))
    return Candidates(torch.cat(boxes, dim=1), torch.cat(scores, dim=1), torch.cat(levels))


def suppress_candidates(
    boxes: Float[Tensor, "P 5"],
    logits: Float[Tensor, "P"],
    levels: Int[Tensor, "P"],
    image_size: tuple[int, int],
    *,
    topk: int,
    nms_threshold: float,
    min_box_size: float,
) -> tuple[RotatedBoxes, Float[Tensor, "_"]]:
    """Drops what is not finite, too small or doubled of one image's candidates.

    Those that lie flat are clipped to the image before.

    Args:
        boxes: rotated boxes in pixels and degrees.
        logits: objectness.
        levels: candidates of different levels do not suppress each other.
        image_size: (height, width).
        topk: how many are left at most.
        nms_threshold: intersection over union from which on the worse box goes.
        min_box_size: both sides must be longer, in pixels.

    Returns:
        Boxes and their logits, best first.
    """
    is_finite = boxes.isfinite().all(dim=1) & logits.isfinite()
    clipped = RotatedBoxes(boxes).clip(image_size)
    keep = (is_finite & clipped.nonempty(min_box_size)).nonzero().squeeze(1)
    kept = batched_nms_rotated(clipped.tensor[keep], logits[keep], levels[keep], nms_threshold)
    best = keep[kept[:topk]]
    return clipped[best], logits[best]
