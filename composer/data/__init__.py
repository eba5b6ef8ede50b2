"""What goes into graphs and comes out of them, as files: images, tensors, stored values."""

from composer.data.images import find_images, read_image, read_images
from composer.data.port_values import fit_value, make_records
from composer.data.stored_values import is_stored_value, read_value, save_value
from composer.data.tensor_files import read_tensors

__all__ = [
    "find_images",
    "fit_value",
    "is_stored_value",
    "make_records",
    "read_image",
    "read_images",
    "read_tensors",
    "read_value",
    "save_value",
]
