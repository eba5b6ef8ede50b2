"""Values as pictures: maps as tiles, boxes and instances on their image.

Legend: H W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from composer.blueprint import Blueprint
from composer.construction import find_first_class
from composer.graph import Session
from composer.html_parts import embed_picture, make_heading
from composer.images import encode_image
from composer.structures import Boxes, ImageList, Instances, RotatedBoxes
from composer.values import describe
from composer.visualization import draw_instances, draw_maps

_MAX_PICTURES, _LARGEST = 8, 720
_MAX_BOXES = 100


@dataclass(frozen=True, repr=False)
class Shown:
    """A value as pictures.

    Args:
        name: its name.
        description: it in words.
        pictures: by level, image or field; none for a value that is not to be seen.
    """

    name: str
    description: str
    pictures: Mapping[str, Image.Image]

    def __repr__(self) -> str:
        return f"Shown({self.name}: {self.description})"

    def _repr_html_(self) -> str:
        parts = [make_heading(f"{self.name}: {self.description}")]
        for label, picture in self.pictures.items():
            small = picture.copy()
            small.thumbnail((_LARGEST, _LARGEST))
            parts += [make_heading(label)] if label else []
            parts.append(embed_picture(encode_image(small, ".png"), "png", alt=label or self.name))
        return "".join(parts)


def show(session: Session, name: str) -> Shown:
    """Shows a value, or a part of one, of a session.

    Feature maps become tiles of the channels that vary most, images are scaled to what can be seen,
    and boxes and instances lie on the image of the network.

    Args:
        session: the session; what is missing is computed.
        name: as `Session.read` takes it: `backbone.p3`, `detections.boxes`, `mask_pooler`.

    Raises:
        NameResolutionError, InputError: there is no such value or part.
        ExecutionError: a node fails.
    """
    with torch.no_grad():
        value = session.read(name)
        found = _draw(value, session)
        pictures = dict(picture for picture, _ in zip(found, range(_MAX_PICTURES), strict=False))
    return Shown(name, describe(value), pictures)


def _draw(value: Any, session: Session) -> Iterator[tuple[str, Image.Image]]:
    if isinstance(value, ImageList):
        for place in range(len(value)):
            yield _name(place, len(value)), _scale(value[place], session)
    elif isinstance(value, Tensor):
        drawn = draw_maps(value)
        if drawn is not None:
            yield "", drawn
    elif isinstance(value, Mapping):
        for key, member in value.items():
            for label, picture in _draw(member, session):
                yield f"{key} {label}".strip(), picture
    elif isinstance(value, (list, tuple)):
        yield from _draw_list(value, session)
    elif isinstance(value, (Boxes, RotatedBoxes, Instances)):
        yield from _draw_list([value], session)


def _draw_list(value: Any, session: Session) -> Iterator[tuple[str, Image.Image]]:
    images = _find_images(session)
    for place, member in enumerate(value):
        label = _name(place, len(value))
        if not isinstance(member, (Boxes, RotatedBoxes, Instances)):
            for inner, picture in _draw(member, session):
                yield f"{label} {inner}".strip(), picture
        elif images is not None and place < len(images):
            yield label, _draw_on(_scale(images[place], session), member, session.blueprint)


def _draw_on(
    image: Image.Image, value: Boxes | RotatedBoxes | Instances, blueprint: Blueprint
) -> Image.Image:
    if isinstance(value, Instances):
        height, width = value.image_size
        shown = _count_from_zero(value, find_first_class(blueprint))
        return draw_instances(image.resize((width, height)), shown, blueprint.spec.metadata)
    size = image.height, image.width
    return draw_instances(image, Instances(size, pred_boxes=value[:_MAX_BOXES]))


def _count_from_zero(value: Instances, first_class: int) -> Instances:
    """Instances whose classes have the numbers of their names."""
    if not first_class or not value.has("pred_classes"):
        return value
    shifted = Instances(value.image_size, **value.get_fields())
    shifted.set("pred_classes", value.pred_classes - first_class)
    return shifted


def _find_images(session: Session) -> ImageList | None:
    """The images of the network, if they were computed."""
    found = (session[name] for name in session)
    return next((value for value in found if isinstance(value, ImageList)), None)


def _scale(pixels: Tensor, session: Session) -> Image.Image:
    """An image of the network, from its smallest number to its largest."""
    numbers = pixels.detach().float().cpu().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    if not numbers.numel():
        return Image.new("RGB", (1, 1))
    low, high = float(numbers.min()), float(numbers.max())
    shares = ((numbers - low) / ((high - low) or 1.0) * 255).round().to(torch.uint8)
    rows = shares.permute(1, 2, 0).numpy()
    if session.blueprint.image_format.channel_order == "BGR":
        rows = rows[..., ::-1]
    return Image.fromarray(np.ascontiguousarray(rows if rows.shape[2] == 3 else rows[..., 0]))


def _name(place: int, count: int) -> str:
    return f"[{place}]" if count > 1 else ""
