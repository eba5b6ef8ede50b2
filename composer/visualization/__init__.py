"""Visualizations: boxes, masks, keypoints and segments drawn onto an image.

The package uses structures and Pillow only, so that datasets and graphs can use it.
"""

from composer.visualization.annotation_drawing import draw_annotations
from composer.visualization.background import Background
from composer.visualization.canvas import to_pil_image
from composer.visualization.class_names import ClassNames
from composer.visualization.file_names import FileNames
from composer.visualization.heat_map import draw_heat
from composer.visualization.instance_drawing import draw_instances
from composer.visualization.map_drawing import draw_maps
from composer.visualization.object_drawing import ColorBy
from composer.visualization.segment_drawing import draw_panoptic, draw_semantic

__all__ = [
    "Background",
    "ClassNames",
    "ColorBy",
    "FileNames",
    "draw_annotations",
    "draw_heat",
    "draw_instances",
    "draw_maps",
    "draw_panoptic",
    "draw_semantic",
    "to_pil_image",
]
