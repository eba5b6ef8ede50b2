"""Image files, upright by their EXIF orientation, as records of the `list[dict]` format.

Legend: C channels (3), H W the height and width of an image as the network gets it.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from composer.data.image_size import choose_size, resize
from composer.errors import InputError
from composer.language import ImageFormat

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_images(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    image_format: ImageFormat,
) -> list[dict[str, Any]]:
    """Reads an image or several, folders standing for the images in them; see `read_image`."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    return [read_image(file, image_format) for path in paths for file in find_images(path)]


def find_images(path: str | os.PathLike[str]) -> list[Path]:
    """The image files of a path: itself, or those in a folder, sorted by name.

    Raises:
        InputError: there is no such file or folder, or no image in the folder.
    """
    found = Path(path)
    if found.is_dir():
        files = sorted(file for file in found.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        if not files:
            raise InputError(f"{found}: no images in this folder ({', '.join(IMAGE_SUFFIXES)})")
        return files
    if not found.exists():
        raise InputError(f"{found}: there is no such file or folder")
    return [found]


def read_image(
    path: str | os.PathLike[str],
    image_format: ImageFormat,
) -> dict[str, Any]:
    """Reads one image, upright, resized and with its channels in order.

    Grey and palette images get three channels, transparency is dropped, 16 bits become 8, and of
    several frames the first is taken.

    Args:
        path: the file.
        image_format: the order of the channels, the size, and the scale of the values.

    Returns:
        A record: `image`, a tensor of C x H x W (uint8, or float32 if values are scaled), the
        `height` and `width` of the file, which are those that the outputs are wanted in, and
        `file_name`.

    Raises:
        InputError: the file is missing, truncated, or no image.
    """
    record = make_record(open_image(Path(path)), image_format)
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


def open_image(file: Path) -> Image.Image:
    """The image of a file as RGB, turned the way its EXIF orientation says.

    Of a very large image Pillow warns (`Image.MAX_IMAGE_PIXELS`); one of twice that is refused.

    Raises:
        InputError: the file is missing, truncated, too large, or no image.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    try:
        with Image.open(file) as image:
            return _to_rgb(turn_upright(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"{file}: the image is too large: {error}") from error
    except UnidentifiedImageError:
        raise InputError(f"{file}: not an image, or of a kind that Pillow cannot read") from None
    except Exception as error:  # a file can break a decoder in ways that nobody has listed
        raise InputError(f"{file}: the image cannot be read: {error}") from error


def make_upright(image: Image.Image) -> Image.Image:
    """An image as RGB, turned the way its EXIF orientation says; the given one stays as it is."""
    turned = turn_upright(image)
    return _to_rgb(image.copy() if turned is image else turned)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16 bits of grey; Pillow's own conversion to 8 bits cuts off at 255.
        grey = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_tensor(image: Image.Image, image_format: ImageFormat) -> Tensor:
    pixels = np.array(image)
    if image_format.channel_order == "BGR":
        pixels = pixels[:, :, ::-1]
    tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return tensor if image_format.scale == 1 else tensor.float() * image_format.scale


_TAG = 274
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_TURNED = 5  # from here on height and width change places


def turn_upright(image: Image.Image) -> Image.Image:
    """The image turned by its EXIF orientation; itself if it is upright."""
    method = _METHODS.get(_find_orientation(image))
    return image if method is None else image.transpose(method)


def is_on_its_side(image: Image.Image) -> bool:
    """Whether height and width change places where the image is turned upright."""
    return _find_orientation(image) >= _FIRST_TURNED


def _find_orientation(image: Image.Image) -> int:
    """A number from 1, which is upright, to 8. What cannot be read is upright.

    Pillow's own `exif_transpose` writes the other tags anew, and fails at any that is damaged.
    """
    try:
        orientation = image.getexif().get(_TAG, 1)
    except Exception:  # tags can break their reader in ways that nobody has listed
        return 1
    return orientation if isinstance(orientation, int) and orientation in _METHODS else 1
