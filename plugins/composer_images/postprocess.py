"""Results scaled from the network's resolution to the requested one.

Legend: R instances of an image, K keypoints, M the side of a mask within its box, H W the
height and width of the output.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures import Boxes, ImageBatch, Instances, ROIMasks, RotatedBoxes
from composer.translation import translated_by


class Postprocessed(NamedTuple):
    """Results in the requested resolution.

    Attributes:
        instances: per image.
    """

    instances: list[Instances]


@translated_by("composer_images.onnx_translations:translate_postprocess")
def postprocess(
    instances: list[Instances], batch: ImageBatch, *, mask_threshold: float = 0.5
) -> Postprocessed:
    """Scales each image's instances to the height and width that its record asks for.

    Boxes are scaled and clipped, instances whose box is then empty are dropped, keypoints are
    scaled, and masks given within boxes become bit masks of the whole output.

    Args:
        instances: per image; `pred_boxes` (or `proposal_boxes`), which may be rotated, and as
            far as they are there `pred_masks` (R x 1 x M x M) and `pred_keypoints` (R x K x 3).
        batch: the records with `height` and `width`.
        mask_threshold: a pixel belongs to a mask from this probability on.

    Raises:
        ValueError: the numbers of instances and images differ, or instances have no boxes.
    """
    if len(instances) != len(batch):
        raise ValueError(f"Instances of {len(instances)} images for a batch of {len(batch)}.")
    return Postprocessed(
        [
            _rescale(one, output_size, mask_threshold)
            for one, output_size in zip(instances, batch.output_sizes, strict=True)
        ]
    )


def _rescale(
    instances: Instances, output_size: tuple[int, int], mask_threshold: float
) -> Instances:
    (height, width), (old_height, old_width) = output_size, instances.image_size
    scale_x, scale_y = width / old_width, height / old_height
    result = Instances(output_size, **instances.get_fields())
    boxes_field = _find_boxes_field(result)
    found: Boxes | RotatedBoxes = result.get(boxes_field)
    boxes = found.scale(scale_x, scale_y).clip(output_size)
    result.set(boxes_field, boxes)
    result = result[boxes.nonempty()]
    if result.has("pred_masks"):
        masks = _paste(result.pred_masks, result.get(boxes_field), output_size, mask_threshold)
        result.set("pred_masks", masks)
    if result.has("pred_keypoints"):
        keypoints: Float[Tensor, "R K 3"] = result.pred_keypoints
        result.set("pred_keypoints", keypoints * keypoints.new_tensor([scale_x, scale_y, 1.0]))
    return result


def _find_boxes_field(instances: Instances) -> str:
    for name in ("pred_boxes", "proposal_boxes"):
        if instances.has(name):
            return name
    raise ValueError(
        "Only instances with 'pred_boxes' or 'proposal_boxes' can be scaled, these have "
        f"{', '.join(instances.get_fields()) or 'no fields'}."
    )


def _paste(
    masks: ROIMasks | Float[Tensor, "R 1 M M"],
    boxes: Boxes,
    output_size: tuple[int, int],
    threshold: float,
) -> Bool[Tensor, "R H W"]:
    roi_masks = masks if isinstance(masks, ROIMasks) else ROIMasks(masks[:, 0])
    return roi_masks.paste(boxes, output_size, threshold)
