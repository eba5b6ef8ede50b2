"""Visualizations of panoptic and semantic segmentation.

Legend: K classes, H W height and width of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from composer.visualization.background import Background, make_background
from composer.visualization.canvas import Canvas, ImageLike, Mask, to_pil_image
from composer.visualization.class_names import ClassNames
from composer.visualization.colors import RGB, vary_color
from composer.visualization.label_placement import Box

_THING_OPACITY, _STUFF_OPACITY = 0.55, 0.45
_SMALLEST_LABELLED = 0.004  # of the image's pixels
_GRID = 64  # cells of the longer side, to look for the middle of a region on


def draw_panoptic(
    image: ImageLike,
    segment_ids: Tensor | NDArray[Any],
    segments: Sequence[Any],
    metadata: object = None,
    *,
    channel_order: Literal["RGB", "BGR"] = "RGB",
    background: Background = "color",
    scale: float | None = None,
) -> Image.Image:
    """Draws panoptic segments: things with an outline, stuff without.

    Args:
        image: a PIL image, an array of H x W x 3, or a tensor of 3 x H x W.
        segment_ids: H x W, for each pixel its segment's id, 0 for none.
        segments: the segments: dicts with `id`, `category_id` and `isthing`, as models give
            them, or objects with `segment_id`, `category` and `is_thing`, as datasets do.
        metadata: has the names of the classes; see `ClassNames.of`.
        channel_order: of an array or a tensor.
        background: `color` for the image as it is, `gray` for one that has its colours only where
            things are.
        scale: as for `draw_instances`.

    Raises:
        ValueError: the segments belong to another size, or there is no such background.
    """
    drawn = to_pil_image(image, channel_order)
    names, ids = ClassNames.of(metadata), _read_map(segment_ids, drawn)
    things = [one for one in segments if _get(one, "isthing", "is_thing")]
    areas = (ids == _get(thing, "id", "segment_id") for thing in things)
    canvas = Canvas(make_background(drawn, areas, background), scale)
    seen: dict[int, int] = {}
    labels = []
    for segment in sorted(segments, key=lambda one: bool(_get(one, "isthing", "is_thing"))):
        mask = ids == _get(segment, "id", "segment_id")
        category = int(_get(segment, "category_id", "category"))
        if _get(segment, "isthing", "is_thing"):
            shade = seen[category] = seen.get(category, -1) + 1
            color = vary_color(names.color_thing(category), shade)
            canvas.paint_mask(mask, color, opacity=_THING_OPACITY)
            labels.append((names.name_thing(category), mask, color))
        else:
            color = names.color_stuff(category)
            canvas.paint_mask(mask, color, opacity=_STUFF_OPACITY, edge=0.0)
            labels.append((names.name_stuff(category), mask, color))
    return _finish(canvas, labels)


def draw_semantic(
    image: ImageLike,
    classes: Tensor | NDArray[Any],
    metadata: object = None,
    *,
    channel_order: Literal["RGB", "BGR"] = "RGB",
    scale: float | None = None,
) -> Image.Image:
    """Draws the class of every pixel.

    Args:
        image: a PIL image, an array of H x W x 3, or a tensor of 3 x H x W.
        classes: H x W, for each pixel its class, `ignore_label` for none; or K x H x W, how much
            each class is expected there.
        metadata: has the names of the classes; see `ClassNames.of`.
        channel_order: of an array or a tensor.
        scale: as for `draw_instances`.

    Raises:
        ValueError: the classes belong to another size.
    """
    background = to_pil_image(image, channel_order)
    names = ClassNames.of(metadata)
    if classes.ndim == 3:
        classes = classes.argmax(0)
    numbers = _read_map(classes, background)
    canvas = Canvas(background, scale)
    labels = []
    for category in np.unique(numbers).tolist():
        if category != names.ignore_label:
            mask, color = numbers == category, names.color_stuff(category)
            canvas.paint_mask(mask, color, opacity=_THING_OPACITY, edge=0.0)
            labels.append((names.name_stuff(category), mask, color))
    return _finish(canvas, labels)


def _get(segment: Any, key: str, attribute: str) -> Any:
    return segment[key] if isinstance(segment, Mapping) else getattr(segment, attribute)


def _read_map(values: Tensor | NDArray[Any], background: Image.Image) -> NDArray[Any]:
    found: NDArray[Any] = values.cpu().numpy() if isinstance(values, Tensor) else values
    if found.shape != (background.height, background.width):
        raise ValueError(
            f"The image has {background.height} x {background.width} pixels, the segmentation "
            f"{' x '.join(map(str, found.shape))}."
        )
    return found


def _finish(canvas: Canvas, labels: Sequence[tuple[str, Mask, RGB]]) -> Image.Image:
    """Labels the regions that have room for it, the largest first."""
    for name, mask, color in sorted(labels, key=lambda label: -int(label[1].sum())):
        if mask.mean() >= _SMALLEST_LABELLED:
            canvas.add_label(name, _find_middle(mask), color, centered=True)
    return canvas.finish()


def _find_middle(mask: Mask) -> Box:
    """A point deep inside a region, as an empty box: the last to be left when it shrinks."""
    step = max(1, -(-max(mask.shape) // _GRID))
    cells = np.pad(mask[::step, ::step], 1)
    if not cells.any():
        rows, columns = np.nonzero(mask)
        return _as_box(float(columns[0]), float(rows[0]))
    while True:
        inner = cells[1:-1, 1:-1] & cells[:-2, 1:-1] & cells[2:, 1:-1]
        inner = np.pad(inner & cells[1:-1, :-2] & cells[1:-1, 2:], 1)
        if not inner.any():
            break
        cells = inner
    rows, columns = np.nonzero(cells[1:-1, 1:-1])
    middle = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()
    return _as_box((columns[middle] + 0.5) * step, (rows[middle] + 0.5) * step)


def _as_box(x: float, y: float) -> Box:
    return float(x), float(y), float(x), float(y)
