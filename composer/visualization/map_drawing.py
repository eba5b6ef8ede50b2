"""Maps as tiles: channels of feature maps, or maps of regions.

Legend: N images or regions, C channels, H W height and width of a map, T tiles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from composer.visualization.heat_map import color_heat

_TILE, _GAP = 128, 4
_MAX_TILES = 16


def draw_maps(value: Tensor) -> Image.Image | None:
    """Draws the channels of a map that vary most, with their numbers; of several regions, each one.

    Args:
        value: H x W, C x H x W, or N x C x H x W; of a single N its channels are drawn, of several
            the mean size of the channels of each.

    Returns:
        The tiles, each from its smallest number to its largest; None for a tensor without rows and
        columns, or without numbers.
    """
    if value.ndim not in (2, 3, 4) or not value.numel() or value.is_complex():
        return None
    maps = value.detach().float().cpu().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    if maps.ndim == 4:
        maps = maps[0] if len(maps) == 1 else maps.abs().mean(dim=1)
    maps = maps if maps.ndim == 3 else maps[None]
    is_of_regions = value.ndim == 4 and len(value) > 1
    spread = maps.flatten(1).std(dim=1, unbiased=False)
    order = range(len(maps)) if is_of_regions else spread.argsort(descending=True).tolist()
    chosen = sorted(list(order)[:_MAX_TILES])
    return _arrange([(str(place), _draw_tile(maps[place].numpy())) for place in chosen])


def _draw_tile(numbers: NDArray[np.float32]) -> Image.Image:
    low, high = float(numbers.min()), float(numbers.max())
    shares = (numbers - low) / (high - low) if high > low else np.zeros_like(numbers)
    tile = Image.fromarray(np.rint(color_heat(shares)).astype(np.uint8))
    ratio = _TILE / max(tile.size)
    size = max(1, round(tile.width * ratio)), max(1, round(tile.height * ratio))
    return tile.resize(size, Image.Resampling.NEAREST)


def _arrange(tiles: list[tuple[str, Image.Image]]) -> Image.Image:
    columns = min(len(tiles), max(1, math.ceil(math.sqrt(len(tiles)))))
    width = max(tile.width for _, tile in tiles) + _GAP
    height = max(tile.height for _, tile in tiles) + _GAP
    rows = -(-len(tiles) // columns)
    whole = Image.new("RGB", (columns * width, rows * height), (255, 255, 255))
    pen = ImageDraw.Draw(whole)
    for place, (label, tile) in enumerate(tiles):
        at = (place % columns) * width, (place // columns) * height
        whole.paste(tile, at)
        pen.text((at[0] + 3, at[1] + 2), label, fill=(255, 255, 255), stroke_width=1, stroke_fill=0)
    return whole
