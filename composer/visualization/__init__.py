"""Annotated photographs: boxes, masks, keypoints and segments drawn into a picture.

The package knows structures and Pillow; datasets and graphs are none of its business, so that both
can use it.
"""

from composer.visualization.annotation_drawing import draw_annotations
from composer.visualization.canvas import as_picture
from composer.visualization.class_names import ClassNames
from composer.visualization.file_names import FileNames
from composer.visualization.instance_drawing import draw_instances
from composer.visualization.segment_drawing import draw_panoptic, draw_semantic

__all__ = [
    "ClassNames",
    "FileNames",
    "as_picture",
    "draw_annotations",
    "draw_instances",
    "draw_panoptic",
    "draw_semantic",
]
