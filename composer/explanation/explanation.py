"""Where in an image a number comes from, as a picture and in numbers.

Legend: H W height and width of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from composer.explanation.explained_image import Detection
from composer.html_parts import embed_picture, make_heading
from composer.images import encode_image
from composer.visualization import draw_heat

_LONGEST = 64  # cells of the map in JSON
_DIGITS = 6
_LARGEST = 960  # pixels of a picture in a notebook


class LevelShare(NamedTuple):
    """How much of a number comes from one map.

    Args:
        name: of the map.
        shape: of it.
        share: of all that counts for the number, from 0 to 1.
    """

    name: str
    shape: tuple[int, ...]
    share: float


class ChannelShare(NamedTuple):
    """How much of a number comes from one channel of a map.

    Args:
        name: of the map.
        channel: its number, from 0 on.
        share: of all that counts for the number; negative where the channel counts against it.
    """

    name: str
    channel: int
    share: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """Where in an image a number comes from.

    Args:
        image: the image, RGB.
        name: of the image, or None.
        model: the name of the model.
        detection: the detection that the number belongs to, or None.
        of: the name of the number.
        number: the number.
        at: the value that it is led back to.
        method: how.
        heat: how much counts for the number at each pixel; the sum is 1, or 0 if nothing counts.
        levels: the share of each map.
        channels: the channels that count most, the largest first.
        in_box: the share within the box of the detection, or None.
    """

    image: Image.Image
    name: str | None
    model: str
    detection: Detection | None
    of: str
    number: float
    at: str
    method: str
    heat: Float[Tensor, "H W"]
    levels: tuple[LevelShare, ...]
    channels: tuple[ChannelShare, ...]
    in_box: float | None

    def __repr__(self) -> str:
        return f"Explanation({self.summary()})"

    def _repr_html_(self) -> str:
        """The picture, in notebooks."""
        drawn = self.draw()
        drawn.thumbnail((_LARGEST, _LARGEST))
        picture = embed_picture(encode_image(drawn, ".jpg"), "jpeg", alt=self.of)
        return make_heading(self.summary()) + picture

    @property
    def is_empty(self) -> bool:
        """Whether nothing counts for the number there."""
        return not any(level.share for level in self.levels)

    def summary(self) -> str:
        """Describes it in a line: `detection 0: person 92%, from backbone: p3 64%, p4 36%; ...`."""
        what = self.of if self.detection is None else f"detection {self.detection.index}"
        shown = f" {self.number:.4g}" if self.detection is None else f": {self.detection}"
        if self.is_empty:
            return f"{what}{shown}, nothing from {self.at}"
        shares = [(level.name, level.share) for level in self.levels if level.share]
        parts = ", ".join(f"{name} {share:.0%}" for name, share in shares) if shares[0][0] else ""
        inside = "" if self.in_box is None else f"; {self.in_box:.0%} within its box"
        return f"{what}{shown}, from {self.at}{f': {parts}' if parts else ''}{inside}"

    def draw(self, *, scale: float | None = None) -> Image.Image:
        """Draws the heat over the image, with the box of the detection.

        Args:
            scale: pixels of the picture for one of the image; by default small images are enlarged
                until labels can be read.
        """
        corners = () if self.detection is None else self.detection.corners
        label = "" if self.detection is None else str(self.detection)
        return draw_heat(self.image, self.heat.numpy(), corners, label, scale=scale)

    def to_json(self) -> dict[str, Any]:
        """The explanation as values of JSON; its map has at most 64 cells in a row or column."""
        height, width = self.heat.shape
        ratio = max(1.0, max(height, width) / _LONGEST)
        size = max(1, round(height / ratio)), max(1, round(width / ratio))
        cells = F.adaptive_avg_pool2d(self.heat[None], size)[0]
        cells = cells / cells.sum().clamp(min=1e-12)
        peak = int(self.heat.argmax())
        return {
            "image": self.name,
            "model": self.model,
            "detection": None if self.detection is None else _describe(self.detection),
            "of": self.of,
            "value": self.number,
            "at": self.at,
            "method": self.method,
            "in_box": None if self.in_box is None else round(self.in_box, _DIGITS),
            "levels": [
                {"name": name, "shape": list(shape), "share": round(share, _DIGITS)}
                for name, shape, share in self.levels
            ],
            "channels": [
                {"level": name, "channel": channel, "share": round(share, _DIGITS)}
                for name, channel, share in self.channels
            ],
            "peak": None if self.is_empty else {"x": peak % width + 0.5, "y": peak // width + 0.5},
            "map": {
                "rows": size[0],
                "columns": size[1],
                "shares": [[round(cell, _DIGITS) for cell in row] for row in cells.tolist()],
            },
        }


def _describe(detection: Detection) -> dict[str, Any]:
    return {
        "index": detection.index,
        "class": detection.class_name,
        "score": detection.score,
        "corners": [list(corner) for corner in detection.corners],
    }
