"""Results scaled from the network's resolution to the requested one.

Legend: R instances of an image, M the side of a mask within its box, H W the height and width
of the output.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures import Boxes, ImageBatch, Instances, ROIMasks
from composer_torchvision.mask_pasting import paste_on_whole_pixels


class Postprocessed(NamedTuple):
    """Results in the requested resolution.

    Attributes:
        instances: per image.
    """

    instances: list[Instances]


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
