"""Image files: the one place that opens them, within limits, and makes 8 bits of RGB of them."""

from composer.images.encoding import encode_image
from composer.images.errors import ImageFileError, ImageFileKind
from composer.images.folders import find_in_folder, is_passed_over, list_folder, walk_folder
from composer.images.formats import IMAGE_SUFFIXES, find_suffix, has_image_suffix
from composer.images.opening import find_file_being_read, opened_content, opened_image, peek_size
from composer.images.orientation import turn_upright
from composer.images.photographs import convert_to_rgb, make_upright, open_image
from composer.images.stored_samples import read_color_samples, read_samples
from composer.images.visualization_marks import (
    VISUALIZATION_MARK,
    encode_visualization,
    is_visualization,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "VISUALIZATION_MARK",
    "ImageFileError",
    "ImageFileKind",
    "convert_to_rgb",
    "encode_image",
    "encode_visualization",
    "find_file_being_read",
    "find_in_folder",
    "find_suffix",
    "has_image_suffix",
    "is_passed_over",
    "is_visualization",
    "list_folder",
    "make_upright",
    "open_image",
    "opened_content",
    "opened_image",
    "peek_size",
    "read_color_samples",
    "read_samples",
    "turn_upright",
    "walk_folder",
]
