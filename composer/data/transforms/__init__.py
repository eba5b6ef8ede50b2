"""What can be done to a sample: image, boxes, masks, keypoints and maps move together.

Each is a function from a sample to a sample, without chance. Augmentations decide, these act.
"""

from composer.data.transforms.flipping import flip_horizontally, flip_vertically
from composer.data.transforms.resizing import resize_sample

__all__ = ["flip_horizontally", "flip_vertically", "resize_sample"]
