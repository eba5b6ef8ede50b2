"""Images by name, on a disk or in a store."""

from __future__ import annotations

import os

from composer.errors import InputError
from composer.images import make_upright, opened_content
from composer.prediction import ChannelOrder, ImageSource, LoadedImage, load_image
from composer.stores import is_store_address, read_from_store


def load_source(
    source: ImageSource | bytes,
    channel_order: ChannelOrder | None = None,
    sample_range: tuple[float, float] | None = None,
    name: str | None = None,
) -> LoadedImage:
    """Loads an image, upright and in colour: what `load_image` takes, addresses, and contents.

    Args:
        source: the image; or the address of one in a store, or the content of a file.
        channel_order: of an array or a tensor.
        sample_range: of grey of more than 8 bits, the samples that are black and white.
        name: of a content.

    Raises:
        InputError: it is no image.
    """
    if isinstance(source, (str, os.PathLike)) and is_store_address(os.fspath(source)):
        name = os.fspath(source)
        source = read_from_store(name)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        return load_image(source, channel_order, sample_range)
    with opened_content(bytes(source), name or "the image") as image:
        try:
            return LoadedImage(make_upright(image, sample_range), name)
        except ValueError as error:
            raise InputError(f"{name or 'the image'}: {error}") from error
