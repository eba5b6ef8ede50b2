"""Geometric transforms of samples: image, boxes, masks, keypoints and maps move together.

Each is a function from a sample to a sample, without chance. Augmentations decide, these act.
"""

from composer.data.transforms.moving import flip_horizontally, flip_vertically
from composer.data.transforms.pasting import paste_object, with_bit_masks
from composer.data.transforms.resizing import resize_sample
from composer.data.transforms.warping import find_rotation, warp_sample
from composer.data.transforms.windows import crop_sample, cut_to_image, pad_sample

__all__ = [
    "crop_sample",
    "cut_to_image",
    "find_rotation",
    "flip_horizontally",
    "flip_vertically",
    "pad_sample",
    "paste_object",
    "resize_sample",
    "warp_sample",
    "with_bit_masks",
]
