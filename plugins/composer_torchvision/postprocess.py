"""Results scaled from the network's resolution to the requested one.

Masks are pasted on whole pixels, as Detectron1 did it. Legend: R instances of an image, M the side
of a mask within its box, H W the height and width of the output, `_` those of one box.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures import Boxes, ImageBatch, Instances, ROIMasks
from composer.translation import translated_by


class Postprocessed(NamedTuple):
    """Results in the requested resolution.

    Attributes:
        instances: per image.
    """

    instances: list[Instances]


@translated_by("composer_torchvision.onnx_translations:translate_postprocess")
def torchvision_postprocess(
    instances: list[Instances],
    batch: ImageBatch,
    *,
    first_class: int = 0,
    mask_threshold: float = 0.5,
) -> Postprocessed:
    """Scales each image's instances to the height and width that its record asks for.

    Boxes and keypoints are scaled, masks are pasted on whole pixels. Nothing is clipped or dropped.

    Args:
        instances: per image; `pred_boxes`, `pred_classes`, and as far as they are there
            `pred_masks` (R x 1 x M x M) and `pred_keypoints` (R x K x 3).
        batch: the records with `height` and `width`.
        first_class: the number of the first class: 1 where 0 is the background.
        mask_threshold: a pixel belongs to a mask from this probability on.

    Raises:
        ValueError: the numbers of instances and images differ.
    """
    if len(instances) != len(batch):
        raise ValueError(f"Instances of {len(instances)} images for a batch of {len(batch)}.")
    return Postprocessed(
        [
            _rescale(one, output_size, first_class, mask_threshold)
            for one, output_size in zip(instances, batch.output_sizes, strict=True)
        ]
    )


def _rescale(
    instances: Instances, size: tuple[int, int], first_class: int, mask_threshold: float
) -> Instances:
    scale_x, scale_y = size[1] / instances.image_size[1], size[0] / instances.image_size[0]
    fields = instances.get_fields()
    boxes: Boxes = fields["pred_boxes"].scale(scale_x, scale_y)
    fields["pred_boxes"] = boxes
    fields["pred_classes"] = fields["pred_classes"] + first_class
    if "pred_masks" in fields:
        fields["pred_masks"] = _paste(fields["pred_masks"], boxes, size, mask_threshold)
    if "pred_keypoints" in fields:
        keypoints: Float[Tensor, "R _ 3"] = fields["pred_keypoints"]
        fields["pred_keypoints"] = keypoints * keypoints.new_tensor([scale_x, scale_y, 1.0])
    return Instances(size, **fields)


def _paste(
    masks: ROIMasks | Float[Tensor, "R 1 M M"],
    boxes: Boxes,
    size: tuple[int, int],
    threshold: float,
) -> Bool[Tensor, "R H W"]:
    tensor = masks.tensor if isinstance(masks, ROIMasks) else masks[:, 0]
    return paste_on_whole_pixels(tensor, boxes.tensor, size, threshold)


# A border of zeros around each mask keeps its edge from being cut off by interpolation.
_BORDER = 1


def paste_on_whole_pixels(
    masks: Float[Tensor, "R M M"],
    boxes: Float[Tensor, "R 4"],
    image_size: tuple[int, int],
    threshold: float = 0.5,
) -> Bool[Tensor, "R H W"]:
    """Stretches each mask over the whole pixels of its box, and cuts it off at the image.

    Boxes are rounded towards zero and hold their last pixel: a box from 2 to 4 is 3 pixels wide.

    Args:
        masks: foreground probabilities on a regular grid over each box.
        boxes: XYXY in pixels of the image, finite.
        image_size: the image's (height, width).
        threshold: a pixel belongs to the mask from this probability on.
    """
    height, width = image_size
    pasted = torch.zeros(len(masks), height, width, dtype=torch.bool, device=masks.device)
    bordered = F.pad(masks, (_BORDER,) * 4)
    corners = _grow(boxes, bordered.shape[-1] / masks.shape[-1]).long().tolist()
    for row, (x1, y1, x2, y2) in enumerate(corners):
        size = (max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1))
        top, bottom = max(y1, 0), min(y2 + 1, height)
        left, right = max(x1, 0), min(x2 + 1, width)
        if bottom <= top or right <= left:
            continue
        stretched = _stretch(bordered[row], size)[top - y1 : bottom - y1, left - x1 : right - x1]
        pasted[row, top:bottom, left:right] = stretched >= threshold
    return pasted


def _grow(boxes: Float[Tensor, "R 4"], factor: float) -> Float[Tensor, "R 4"]:
    """Makes boxes larger around their centres."""
    center = (boxes[:, :2] + boxes[:, 2:]) * 0.5
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * factor
    return torch.cat((center - half, center + half), dim=1)


def _stretch(mask: Float[Tensor, "_ _"], size: tuple[int, int]) -> Float[Tensor, "_ _"]:
    return F.interpolate(mask[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
