"""Images as files, PIL images, arrays or tensors.

Legend: H W height and width.
"""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from composer.discovery import resolve_image
from composer.errors import InputError
from composer.images import make_upright, open_image, opened_content
from composer.stores import is_store_address, read_from_store
from composer.visualization import to_pil_image

ImageSource = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any] | Tensor
ChannelOrder = Literal["RGB", "BGR"]

_ORDERS: dict[str, ChannelOrder] = {order: order for order in get_args(ChannelOrder)}


class LoadedImage(NamedTuple):
    """An image, upright.

    Args:
        image: RGB.
        file_name: the file it was read from, or None.
    """

    image: Image.Image
    file_name: str | None


def load_image(
    source: ImageSource,
    channel_order: ChannelOrder | None = None,
    sample_range: tuple[float, float] | None = None,
    name: str | None = None,
) -> LoadedImage:
    """Loads an image, upright and in colour.

    Args:
        source: a file, the address of one in a store (`s3://...`), or the content of one; a PIL
            image; an array of H x W x 3, or of H x W in grey; or a tensor of 3 x H x W. Arrays and
            tensors are of 8 bits (uint8).
        channel_order: of an array or a tensor, which do not say it themselves.
        sample_range: of a file or a PIL image in grey of more than 8 bits, the samples that are
            black and white.
        name: the name of the file of a content.

    Raises:
        InputError: a file is no image, or an array has another form or an unknown order.
    """
    if isinstance(source, bytes):
        return LoadedImage(_read_content(source, name or "the image", sample_range), name)
    if isinstance(source, str) and is_store_address(source):
        return LoadedImage(_read_content(read_from_store(source), source, sample_range), source)
    if isinstance(source, (str, os.PathLike)):
        return LoadedImage(open_image(resolve_image(source), sample_range), os.fspath(source))
    if isinstance(source, Image.Image):
        name = getattr(source, "filename", None)
        return LoadedImage(_make_upright(source, sample_range), os.fspath(name) if name else None)
    if not isinstance(source, (np.ndarray, Tensor)):
        raise InputError(
            f"an image is a file, a PIL image, an array or a tensor, not a {type(source).__name__}"
        )
    if isinstance(source, np.ndarray) and source.ndim == 2:
        source, channel_order = np.stack([source] * 3, axis=2), "RGB"
    _check_pixels(source)
    return LoadedImage(to_pil_image(source, check_order(channel_order)), None)


def _read_content(
    content: bytes, name: str, sample_range: tuple[float, float] | None
) -> Image.Image:
    with opened_content(content, name) as image:
        return _make_upright(image, sample_range)


def _make_upright(image: Image.Image, sample_range: tuple[float, float] | None) -> Image.Image:
    try:
        return make_upright(image, sample_range)
    except (ValueError, OSError, SyntaxError) as error:
        raise InputError(f"the image cannot be used: {error}") from error


def check_order(channel_order: str | None) -> ChannelOrder:
    """The order of an array's channels.

    Raises:
        InputError: it was not given, or is none.
    """
    if channel_order is None:
        raise InputError(
            "an array does not say in which order its channels are: give channel_order='RGB' "
            "(PIL, matplotlib, imageio, torchvision) or channel_order='BGR' (OpenCV, detectron2)"
        )
    if channel_order not in _ORDERS:
        raise InputError(f"channel_order is 'RGB' or 'BGR', not {channel_order!r}")
    return _ORDERS[channel_order]


def _check_pixels(pixels: NDArray[Any] | Tensor) -> None:
    is_array, shape = isinstance(pixels, np.ndarray), tuple(pixels.shape)
    form = "an array of H x W x 3" if is_array else "a tensor of 3 x H x W"
    if len(shape) == 3 and shape[2 if is_array else 0] == 1:
        grey = "pixels[:, :, 0]" if is_array else "pixels.expand(3, -1, -1)"
        raise InputError(
            f"an image is {form}, not of {' x '.join(map(str, shape))}. Give a grey one as {grey}."
        )
    if len(shape) != 3 or shape[2 if is_array else 0] != 3 or 0 in shape:
        hint = " Give several images as a list." if len(shape) == 4 else ""
        raise InputError(f"an image is {form}, not of {' x '.join(map(str, shape))}.{hint}")
    if str(pixels.dtype).removeprefix("torch.") != "uint8":
        raise InputError(f"an image has values from 0 to 255 in 8 bits (uint8), not {pixels.dtype}")
