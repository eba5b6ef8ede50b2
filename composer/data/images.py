"""Image files, upright by their EXIF orientation, as records of the `list[dict]` format.

Legend: C channels (3), H W the height and width of an image as the network gets it.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from composer.data.image_size import choose_size, resize
from composer.discovery import resolve_image
from composer.errors import InputError
from composer.images import (
    IMAGE_SUFFIXES,
    has_image_suffix,
    is_visualization,
    list_folder,
    open_image,
)
from composer.language import ImageFormat


def read_images(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    image_format: ImageFormat,
) -> list[dict[str, Any]]:
    """Reads an image or several, folders standing for the images in them; see `read_image`."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    return [read_image(file, image_format) for path in paths for file in find_images(path)]


def find_images(path: str | os.PathLike[str]) -> list[Path]:
    """The image files of a path: itself, those in a folder by name, or an example that ships.

    Hidden files in a folder are passed over, and so are visualizations of predictions.

    Raises:
        InputError: there is no such file or folder, or no image in the folder.
    """
    found = resolve_image(path)
    if found.is_dir():
        files = [file for file in list_folder(found) if has_image_suffix(file)]
        if not (chosen := [file for file in files if not is_visualization(file)]):
            other = "no images but visualizations" if files else "no images"
            raise InputError(f"{found}: {other} in this folder ({', '.join(IMAGE_SUFFIXES)})")
        return chosen
    if not found.exists() and not found.is_symlink():
        raise InputError(f"{found}: there is no such file or folder")
    return [found]


def read_image(
    path: str | os.PathLike[str],
    image_format: ImageFormat,
    sample_range: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Reads one image, upright, resized and with its channels in order.

    See `composer.images.open_image` for images that are not RGB of 8 bits.

    Args:
        path: the file.
        image_format: the order of the channels, the size, and the scale of the values.
        sample_range: the samples that are black and white, as of `open_image`.

    Returns:
        A record: `image`, a tensor of C x H x W (uint8, or float32 if values are scaled), the
        `height` and `width` of the file, which are those that the outputs are wanted in, and
        `file_name`.

    Raises:
        InputError: the file is missing, truncated, or no image.
    """
    record = make_record(open_image(Path(path), sample_range), image_format)
    return {**record, "file_name": os.fspath(path)}


def make_record(image: Image.Image, image_format: ImageFormat) -> dict[str, Any]:
    """An image as a record, as `read_image` has it, without the name of a file.

    Args:
        image: RGB and upright.
        image_format: the order of the channels, the size, and the scale of the values.
    """
    size = choose_size(
        image.height, image.width, image_format.shortest_edge, image_format.longest_edge
    )
    return {
        "image": _to_tensor(resize(image, size), image_format),
        "height": image.height,
        "width": image.width,
    }


def _to_tensor(image: Image.Image, image_format: ImageFormat) -> Tensor:
    pixels = np.array(image)
    if image_format.channel_order == "BGR":
        pixels = pixels[:, :, ::-1]
    tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return tensor if image_format.scale == 1 else tensor.float() * image_format.scale
