"""Colours that are equally bright and far apart, the same for a number every time."""

from __future__ import annotations

import math

RGB = tuple[int, int, int]

_FIRST_HUE, _GOLDEN_ANGLE = 250.0, 137.508
_LIGHTNESS, _CHROMA = 0.70, 0.16
# How much lighter or darker the objects of one class are, in turn.
_SHADES = (0.0, 0.10, -0.10, 0.05, -0.05)

# From lightness and two axes of colour to the cube roots of cone responses, and from these to
# linear red, green and blue (Ottosson 2020, Oklab).
_CONES = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.2914855480),
)
_LINEAR = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def pick_color(index: int, shade: int = 0) -> RGB:
    """The colour of a class, an object or a segment.

    Args:
        index: its number; neighbours are far apart in hue.
        shade: which of the objects of one colour it is: they differ a little in lightness.
    """
    hue = math.radians(_FIRST_HUE + _GOLDEN_ANGLE * index)
    lightness = _LIGHTNESS + _SHADES[shade % len(_SHADES)]
    return _to_rgb(lightness, _CHROMA * math.cos(hue), _CHROMA * math.sin(hue))


def vary_color(color: RGB, shade: int) -> RGB:
    """A given colour a little lighter or darker, for one of several objects of it."""
    amount = 2 * _SHADES[shade % len(_SHADES)]
    towards = 255 if amount > 0 else 0
    red, green, blue = (round(part + (towards - part) * abs(amount)) for part in color)
    return red, green, blue


def contrast_with(color: RGB) -> RGB:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = (_linearize(part / 255) for part in color)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (0, 0, 0) if luminance > 0.18 else (255, 255, 255)  # 0.18 is as far from both


def _to_rgb(lightness: float, a: float, b: float) -> RGB:
    cones = [(lightness + x * a + y * b) ** 3 for x, y in _CONES]
    linear = [sum(x * cone for x, cone in zip(row, cones, strict=True)) for row in _LINEAR]
    red, green, blue = (round(255 * _delinearize(min(max(part, 0.0), 1.0))) for part in linear)
    return red, green, blue


def _linearize(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _delinearize(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
