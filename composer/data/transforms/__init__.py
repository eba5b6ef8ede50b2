"""Geometric transforms of samples: image, boxes, masks, keypoints and maps move together.

Transforms are values without chance: `Flip`, `Resize`, `Crop`, `Pad` and `Warp` move images,
coordinates, boxes, polygons and labels, and have an inverse. The functions move all parts of a
sample by one of them. Augmentations decide, these act.
"""

from composer.data.transforms.flipping import Flip, flip_horizontally, flip_vertically
from composer.data.transforms.moving import find_transform, move_sample
from composer.data.transforms.pasting import paste_object, with_bit_masks
from composer.data.transforms.resizing import Resize, resize_sample
from composer.data.transforms.transform import Transform, TransformList
from composer.data.transforms.warping import Warp, find_extent, find_rotation, warp_sample
from composer.data.transforms.windows import Crop, Pad, crop_sample, cut_to_image, pad_sample

__all__ = [
    "Crop",
    "Flip",
    "Pad",
    "Resize",
    "Transform",
    "TransformList",
    "Warp",
    "crop_sample",
    "cut_to_image",
    "find_extent",
    "find_rotation",
    "find_transform",
    "flip_horizontally",
    "flip_vertically",
    "move_sample",
    "pad_sample",
    "paste_object",
    "resize_sample",
    "warp_sample",
    "with_bit_masks",
]
