"""Heat over an image: from nothing over red to white where it is most.

Legend: H W height and width of the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from composer.visualization.canvas import Canvas, Point
from composer.visualization.colors import RGB

_COLORS = np.array(  # dark violet, red, orange, yellow, near white: lighter from one to the next
    [(35, 8, 75), (150, 25, 100), (225, 65, 45), (250, 160, 40), (255, 250, 200)], dtype=np.float32
)
_OPACITY, _DIMMED = 0.85, 0.45
_INK: RGB = (64, 224, 255)


def draw_heat(
    image: Image.Image,
    heat: NDArray[np.float32],
    corners: Sequence[Point] = (),
    label: str = "",
    *,
    scale: float | None = None,
) -> Image.Image:
    """Draws heat over an image that is dimmed, and a box with a label.

    Args:
        image: the image, RGB.
        heat: H x W, not negative; the largest becomes the lightest colour.
        corners: of the box, in order; none for no box.
        label: the text beside the box.
        scale: as for `Canvas`.
    """
    largest = float(heat.max(initial=0.0))
    shares = heat / largest if largest > 0 else np.zeros_like(heat)
    gray = np.asarray(image.convert("L").convert("RGB"), dtype=np.float32) * _DIMMED
    dimmed = gray + 0.25 * np.asarray(image, dtype=np.float32)
    opacity = _OPACITY * np.sqrt(shares)[..., None]
    mixed = dimmed + (color_heat(shares) - dimmed) * opacity
    canvas = Canvas(Image.fromarray(np.rint(mixed.clip(0, 255)).astype(np.uint8)), scale)
    if corners:
        canvas.draw_lines([*corners, corners[0]], _INK, width=1.2)
        xs, ys = zip(*corners, strict=True)
        canvas.add_label(label, (min(xs), min(ys), max(xs), max(ys)), _INK)
    return canvas.finish()


def color_heat(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours of numbers from 0 to 1, H x W x 3."""
    steps = np.linspace(0, 1, len(_COLORS))
    channels = [np.interp(shares, steps, _COLORS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=2).astype(np.float32)
