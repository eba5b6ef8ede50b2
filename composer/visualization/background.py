"""The image behind a visualization: in colour, or gray where nothing was detected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Background = Literal["color", "gray"]


def make_background(
    image: Image.Image, areas: Iterable[NDArray[np.bool_]], background: Background
) -> Image.Image:
    """The image as it is, or in gray outside of some areas.

    Args:
        image: the image, RGB.
        areas: areas that keep their colours, each H x W.
        background: `color`, or `gray` outside of the areas.

    Raises:
        ValueError: there is no such background.
    """
    if background not in ("color", "gray"):
        raise ValueError(f"The background is 'color' or 'gray', not {background!r}.")
    if background == "color":
        return image
    kept = np.zeros((image.height, image.width), dtype=bool)
    for area in areas:
        kept |= area
    gray = image.convert("L").convert("RGB")
    gray.paste(image, mask=Image.fromarray(kept))
    return gray
