"""The loss of semantic segmentation.

Legend: N images, H W the height and width of the padded images. `_` is an image's own.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Int, Integer
from torch import Tensor

from composer.ranges import NonNegative
from composer.structures import ImageList, Losses, SemanticLogits


def sem_seg_loss(
    logits: SemanticLogits,
    images: ImageList,
    targets: list[Integer[Tensor, "_ _"]],
    *,
    ignore_value: int = 255,
    loss_weight: NonNegative = 1.0,
) -> Losses:
    """Compares every pixel's class logits with its class (Panoptic FPN, section 4.2).

    The logits are brought to the resolution of the images first. The mean is taken over the pixels
    that count; where none does, the loss is zero.

    Args:
        logits: of every place of the padded images.
        images: for their padded size.
        targets: per image, the class of each pixel, as integers.
        ignore_value: pixels of this class do not count.
        loss_weight: weight of the loss.

    Returns:
        `loss_sem_seg`.

    Raises:
        ValueError: the numbers of targets and images differ, or a target is larger than the images.
    """
    height, width = images.tensor.shape[-2:]
    if len(targets) != len(logits):
        raise ValueError(f"Semantic targets of {len(targets)} images for {len(logits)} images.")
    wanted = pad_targets(targets, (height, width), ignore_value).to(logits.device)
    resized = F.interpolate(
        logits.float(), size=(height, width), mode="bilinear", align_corners=False
    )
    total = F.cross_entropy(resized, wanted, reduction="sum", ignore_index=ignore_value)
    num_pixels = (wanted != ignore_value).sum().clamp(min=1)
    return {"loss_sem_seg": total / num_pixels * loss_weight}


def pad_targets(
    targets: Sequence[Integer[Tensor, "_ _"]], size: tuple[int, int], ignore_value: int
) -> Int[Tensor, "N H W"]:
    """Puts the classes of all images' pixels into one tensor.

    Args:
        targets: per image.
        size: (height, width) of the padded images.
        ignore_value: the class of the padding.

    Raises:
        ValueError: there are classes for more pixels than the padded images have.
    """
    height, width = size
    padded = torch.full((len(targets), height, width), ignore_value)
    for index, target in enumerate(targets):
        rows, columns = target.shape
        if rows > height or columns > width:
            raise ValueError(
                f"Image {index}: 'sem_seg' is {rows} x {columns}, larger than the padded images "
                f"({height} x {width}). It has the size of the image that the model is given."
            )
        padded[index, :rows, :columns] = target
    return padded
