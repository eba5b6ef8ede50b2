"""An image to draw on, with smooth lines and labels that do not cover each other.

Legend: H W height and width of the image, h w of the visualization.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

from composer.images import convert_to_rgb
from composer.visualization.colors import RGB, contrast_with
from composer.visualization.label_placement import Box, place_label

ImageLike = Image.Image | NDArray[Any] | Tensor
Point = tuple[float, float]
Mask = NDArray[np.bool_]

_SMALLEST_SIDE = 640  # of a visualization's longer side; below it labels could not be read
_LARGEST_SMOOTH = 6e6  # pixels; drawing larger ones at twice the size would cost too much
_BLUR_SLOPE = math.sqrt(2 * math.pi)  # of distance over value at the edge of a blurred mask


def to_pil_image(image: ImageLike, channel_order: Literal["RGB", "BGR"] = "RGB") -> Image.Image:
    """Converts an image to RGB.

    Args:
        image: a PIL image; an array of H x W x 3; or a tensor of 3 x H x W. Values are from 0 to
            255.
        channel_order: of an array or a tensor.

    Raises:
        ValueError: it has another shape.
    """
    if isinstance(image, Image.Image):
        return convert_to_rgb(image)
    if isinstance(image, Tensor):
        array = image.detach().cpu().numpy()
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
        expected = "a tensor of 3 x H x W"
    else:
        array, expected = image, "an array of H x W x 3"
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"An image is {expected}, not of {tuple(image.shape)}.")
    ordered = array[:, :, ::-1] if channel_order == "BGR" else array
    return Image.fromarray(np.ascontiguousarray(np.rint(ordered.clip(0, 255)).astype(np.uint8)))


class Canvas:
    """An image, enlarged if it is small, and what is drawn on it.

    Coordinates are those of the image. Masks are painted at once; lines and labels go on
    top of them, labels last.

    Args:
        background: the image, RGB.
        scale: pixels of the visualization for one of the image; by default small images are
            enlarged until labels can be read.
    """

    def __init__(self, background: Image.Image, scale: float | None = None) -> None:
        longer = max(background.size)
        self.scale = max(1, math.ceil(_SMALLEST_SIDE / longer)) if scale is None else scale
        width, height = (max(1, round(side * self.scale)) for side in background.size)
        if (width, height) != background.size:
            background = background.resize((width, height), Image.Resampling.BICUBIC)
        self._pixels = np.array(background)
        self.size = width, height
        self.stroke = max(1.5, math.sqrt(width * height) / 400)
        self._oversampling = 2 if width * height <= _LARGEST_SMOOTH else 1
        ink_size = (width * self._oversampling, height * self._oversampling)
        self._ink = Image.new("RGBA", ink_size, (0, 0, 0, 0))
        self._pen = ImageDraw.Draw(self._ink)
        self._labels: list[tuple[str, Box, RGB, bool]] = []

    def paint_mask(self, mask: Mask, color: RGB, *, opacity: float, edge: float = 1.0) -> None:
        """Tints the pixels of a mask and draws a line around them.

        Args:
            mask: H x W.
            color: of the tint and the line.
            opacity: of the tint, from 0 to 1.
            edge: opacity of the line; 0 for none.
        """
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return
        margin = math.ceil(3 * self.stroke / self.scale) + 1
        top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, mask.shape[0])
        left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, mask.shape[1])
        x, y = round(left * self.scale), round(top * self.scale)
        size = round(right * self.scale) - x, round(bottom * self.scale) - y
        crop = Image.fromarray(mask[top:bottom, left:right].astype(np.uint8) * 255)
        smooth = crop.resize((max(size[0], 1), max(size[1], 1)), Image.Resampling.BILINEAR)
        cover = np.asarray(smooth, dtype=np.float32) * np.float32(opacity / 255)
        if edge:
            cover = np.maximum(cover, self._find_edge(smooth) * np.float32(edge))
        self._blend(cover, color, x, y)

    def draw_lines(self, points: Sequence[Point], color: RGB, *, width: float = 1.0) -> None:
        """Draws lines from point to point, with round joints.

        Args:
            points: x and y in the image.
            color: of the lines.
            width: in strokes.
        """
        at = [self._to_ink(point) for point in points]
        thickness = max(1, round(width * self.stroke * self._oversampling))
        self._pen.line(at, fill=(*color, 255), width=thickness, joint="curve")
        for x, y in at if thickness > 2 else ():
            radius = (thickness - 1) / 2
            self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*color, 255))

    def draw_dot(self, point: Point, color: RGB, *, radius: float, filled: bool = True) -> None:
        """Draws a dot with a white rim, or a ring.

        Args:
            point: x and y in the image.
            color: of the dot.
            radius: in strokes.
            filled: a dot, not a ring.
        """
        x, y = self._to_ink(point)
        reach = radius * self.stroke * self._oversampling
        rim = max(1, round(0.4 * self.stroke * self._oversampling))
        place = (x - reach, y - reach, x + reach, y + reach)
        inside, around = (color, (255, 255, 255)) if filled else ((255, 255, 255), color)
        self._pen.ellipse(place, fill=(*inside, 255), outline=(*around, 255), width=rim)

    def add_label(self, text: str, box: Box, color: RGB, *, centered: bool = False) -> None:
        """Writes a label when everything else is drawn.

        Args:
            text: what to write; nothing is written for none.
            box: x0, y0, x1, y1 of its object, in the image.
            color: behind the text.
            centered: in the middle of the box, not above its upper left corner.
        """
        if text:
            left, top, right, bottom = (side * self.scale for side in box)
            self._labels.append((text, (left, top, right, bottom), color, centered))

    def finish(self) -> Image.Image:
        """The visualization."""
        height = max(11.0, min(7 * self.stroke, 64.0))
        font = ImageFont.load_default(size=height)
        assert isinstance(font, ImageFont.FreeTypeFont)  # with a size
        rise, fall = font.getmetrics()
        padding = 0.3 * height
        taken: list[Box] = []
        texts = []
        for text, box, color, centered in self._labels:
            size = font.getlength(text) + 2 * padding, rise + fall + 0.2 * height
            place = place_label(size, box, self.size, taken, centered=centered)
            taken.append(place)
            corners = [side * self._oversampling for side in place]
            radius = padding * self._oversampling
            self._pen.rounded_rectangle(corners, radius, fill=(*color, 235))
            texts.append((place[0] + padding, place[1] + 0.1 * height, text, contrast_with(color)))
        drawing = Image.fromarray(self._pixels).convert("RGBA")
        ink = self._ink if self._oversampling == 1 else self._ink.reduce(self._oversampling)
        drawing.alpha_composite(ink)
        result = drawing.convert("RGB")
        pen = ImageDraw.Draw(result)
        for x, y, text, color in texts:
            pen.text((x, y), text, fill=color, font=font)
        return result

    def _to_ink(self, point: Point) -> Point:
        """A point in pixels of the ink; what lies far outside moves to within one image of it."""
        factor = self.scale * self._oversampling
        x, y = (
            max(-side, min(2 * side, value * factor))
            for value, side in zip(point, self._ink.size, strict=True)
        )
        return x, y

    def _find_edge(self, mask: Image.Image) -> NDArray[np.float32]:
        """How much of each pixel is on a line of one stroke at the edge of a mask."""
        radius = 0.8 * self.stroke
        sharp = mask.point([0] * 128 + [255] * 128)  # enlarging made its edge wide
        blurred = np.asarray(sharp.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
        distance = (blurred - 0.5) * (_BLUR_SLOPE * radius)
        return np.clip(0.5 * self.stroke + 0.5 - np.abs(distance), 0, 1)

    def _blend(self, cover: NDArray[np.float32], color: RGB, x: int, y: int) -> None:
        height, width = cover.shape
        region = self._pixels[y : y + height, x : x + width]
        cover = cover[: region.shape[0], : region.shape[1], None]
        mixed = region + (np.array(color, dtype=np.float32) - region) * cover
        region[:] = np.rint(mixed).astype(np.uint8)
