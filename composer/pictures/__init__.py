"""Annotated photographs: boxes, masks, keypoints and segments drawn into a picture.

The package knows structures and Pillow; datasets and graphs are none of its business, so that both
can use it.
"""

from composer.pictures.annotations import draw_annotations
from composer.pictures.canvas import as_picture
from composer.pictures.instances import draw_instances
from composer.pictures.names import ClassNames
from composer.pictures.segmentation import draw_panoptic, draw_semantic

__all__ = [
    "ClassNames",
    "as_picture",
    "draw_annotations",
    "draw_instances",
    "draw_panoptic",
    "draw_semantic",
]
