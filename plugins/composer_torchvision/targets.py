"""The ground truth, in the resolution of the network.

Legend: G objects of an image, H W its height and width before resizing, `_` after it.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from composer.structures import BitMasks, ImageList, Instances, Keypoints, PolygonMasks


def torchvision_targets(
    instances: list[Instances], images: ImageList, *, first_class: int = 0
) -> list[Instances]:
    """Resizes each image's objects as its image was resized within the graph.

    Args:
        instances: per image, in the image's own resolution; `gt_boxes`, and as far as they are
            there `gt_classes`, `gt_masks` and `gt_keypoints`.
        images: for their sizes.
        first_class: the number of the first class: 1 where 0 is the background. Classes count
            from 0 from here on.

    Raises:
        ValueError: the numbers of targets and images differ, or a class is before the first one.
    """
    if len(instances) != len(images):
        raise ValueError(f"Targets of {len(instances)} images, but {len(images)} images.")
    return [
        _resize(one, image_size, first_class)
        for one, image_size in zip(instances, images.image_sizes, strict=True)
    ]


def _resize(instances: Instances, size: tuple[int, int], first_class: int) -> Instances:
    scale_x, scale_y = size[1] / instances.image_size[1], size[0] / instances.image_size[0]
    fields = instances.get_fields()
    if "gt_boxes" in fields:
        fields["gt_boxes"] = fields["gt_boxes"].scale(scale_x, scale_y)
    if "gt_classes" in fields:
        fields["gt_classes"] = _count_from_first(fields["gt_classes"], first_class)
    if "gt_masks" in fields:
        fields["gt_masks"] = resize_masks(fields["gt_masks"], instances.image_size, size)
    if "gt_keypoints" in fields:
        keypoints = fields["gt_keypoints"].tensor
        fields["gt_keypoints"] = Keypoints(keypoints * keypoints.new_tensor([scale_x, scale_y, 1]))
    return Instances(size, **fields)


def _count_from_first(classes: Int[Tensor, "G"], first_class: int) -> Int[Tensor, "G"]:
    """Returns classes that count from 0; -1 is left as it is: such an object is ignored."""
    is_before = (classes >= 0) & (classes < first_class)
    if bool(is_before.any()):
        raise ValueError(
            f"gt_classes has {int(classes[is_before][0])}, but the first class is {first_class} "
            "(first_class). For classes that count from 0, as those of datasets do, it is 0, here "
            "and in postprocess: --set first_class=0."
        )
    return torch.where(classes < 0, classes, classes - first_class)


def resize_masks(
    masks: BitMasks | PolygonMasks, size: tuple[int, int], new_size: tuple[int, int]
) -> BitMasks:
    """Returns masks that take for each pixel the value of the old pixel that it lies in.

    Args:
        masks: polygons are filled at the old size.
        size: the old (height, width).
        new_size: the new (height, width).
    """
    if isinstance(masks, PolygonMasks):
        masks = BitMasks.from_polygon_masks(masks.polygons, *size)
    tensor: Bool[Tensor, "G H W"] = masks.tensor
    return BitMasks(F.interpolate(tensor[:, None].float(), size=new_size)[:, 0])
