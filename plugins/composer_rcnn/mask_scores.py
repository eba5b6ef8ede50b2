"""Scores weighted by mask confidence (mask scoring)."""

from composer.ranges import Fraction, NonNegative
from composer.structures import MaskProbabilities, Scores
from composer.translation import translated_by


@translated_by("composer_rcnn.onnx_results:translate_mask_scores")
def mask_scores(
    scores: list[Scores],
    masks: list[MaskProbabilities],
    *,
    exponent: NonNegative = 1.0,
    mask_threshold: Fraction = 0.5,
) -> list[Scores]:
    """Multiplies each score by its mask's mean probability where the mask is.

    A blurred mask is mostly a bad one, which the class's score does not know (SOLO, Wang et al.
    2020, has such scores). The order of the detections stays. A mask that is nowhere scores 0.

    Args:
        scores: of the classes, per image.
        masks: of the same detections, per image.
        exponent: of the mean probability; 0 keeps the scores.
        mask_threshold: the mask is where its probability reaches this.

    Raises:
        ValueError: the numbers of masks and scores differ.
    """
    for own, own_masks in zip(scores, masks, strict=True):
        if len(own) != len(own_masks):
            raise ValueError(f"{len(own_masks)} masks, but {len(own)} scores.")
    return [
        own * _find_certainty(own_masks, mask_threshold).to(own) ** exponent
        for own, own_masks in zip(scores, masks, strict=True)
    ]


def _find_certainty(masks: MaskProbabilities, threshold: float) -> Scores:
    probabilities = masks.flatten(1).float()
    inside = probabilities >= threshold
    return (probabilities * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)
