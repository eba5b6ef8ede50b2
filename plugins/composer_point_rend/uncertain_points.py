"""Points of training, more of them where a coarse prediction is uncertain.

Legend: R regions over all images, N images.
"""

from typing import Annotated, TypeAlias

import torch
from pydantic import Field

from composer.ranges import Fraction, PositiveInt
from composer.structures import Classes, MaskLogits, SemanticLogits
from composer_point_rend.point_sampling import draw_uncertain_points, rate_classes, rate_masks
from composer_point_rend.point_types import Points

Oversampling: TypeAlias = Annotated[float, Field(ge=1, allow_inf_nan=False)]


def uncertain_mask_points(
    mask_logits: MaskLogits,
    classes: list[Classes],
    *,
    generator: torch.Generator,
    num_points: PositiveInt = 196,
    oversample_ratio: Oversampling = 3.0,
    importance_sample_ratio: Fraction = 0.75,
) -> Points:
    """Draws points of every region, most of them near the outline of its coarse mask.

    Kirillov et al. 2020, section 3.1, point selection for training.

    Args:
        mask_logits: coarse, of all regions.
        classes: the objects' classes, per image.
        generator: for sampling.
        num_points: points of a region.
        oversample_ratio: how many times as many points are drawn to choose from.
        importance_sample_ratio: the share of points that are chosen for their uncertainty.

    Raises:
        ValueError: the numbers of regions differ.
    """
    wanted = join_classes(classes).to(mask_logits.device)
    return draw_uncertain_points(
        mask_logits,
        lambda logits: rate_masks(logits, wanted),
        generator,
        num_points=num_points,
        oversample_ratio=oversample_ratio,
        importance_sample_ratio=importance_sample_ratio,
    )


def uncertain_pixel_points(
    logits: SemanticLogits,
    *,
    generator: torch.Generator,
    num_points: PositiveInt = 2048,
    oversample_ratio: Oversampling = 3.0,
    importance_sample_ratio: Fraction = 0.75,
) -> Points:
    """Draws points of every image, most of them where two classes are close.

    Kirillov et al. 2020, section 3.1, point selection for training.

    Args:
        logits: coarse, of every place of the padded images.
        generator: for sampling.
        num_points: points of an image.
        oversample_ratio: how many times as many points are drawn to choose from.
        importance_sample_ratio: the share of points that are chosen for their uncertainty.
    """
    return draw_uncertain_points(
        logits,
        rate_classes,
        generator,
        num_points=num_points,
        oversample_ratio=oversample_ratio,
        importance_sample_ratio=importance_sample_ratio,
    )


def join_classes(classes: list[Classes]) -> Classes:
    """Joins the classes of all images' regions; no images have none."""
    return torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
