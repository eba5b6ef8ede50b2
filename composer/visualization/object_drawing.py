"""Objects as they are drawn, whether they were predicted or annotated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from composer.visualization.background import Background, make_background
from composer.visualization.canvas import Canvas, Mask, Point
from composer.visualization.class_names import ClassNames
from composer.visualization.colors import RGB, pick_color, vary_color

ColorBy = Literal["class", "instance"]
Connections = Sequence[tuple[int, int]]

_OPACITY = 0.42
_HALO: RGB = (24, 24, 27)


@dataclass(frozen=True)
class Joint:
    """A keypoint.

    Args:
        x: in the image, to the right.
        y: downwards.
        is_visible: not hidden behind something.
    """

    x: float
    y: float
    is_visible: bool = True


@dataclass(frozen=True)
class DrawnObject:
    """One object in an image.

    Args:
        category: number of its class; None for an object of no class, such as a proposal.
        label: the text beside it.
        corners: of its box, in order; none if it has no box.
        mask: H x W.
        joints: its keypoints in the order of their names; None for one that is not there.
        is_crowd: whether it stands for a group, and is drawn less strongly.
    """

    category: int | None
    label: str = ""
    corners: Sequence[Point] = ()
    mask: Mask | None = None
    joints: Sequence[Joint | None] = field(default=())
    is_crowd: bool = False

    @property
    def extent(self) -> tuple[float, float, float, float] | None:
        """The upright box around it; None if there is nothing of it."""
        points = list(self.corners)
        if not points and self.mask is not None and self.mask.any():
            rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
            points = [(columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)]
        if not points:
            points = [(joint.x, joint.y) for joint in self.joints if joint is not None]
        if not points:
            return None
        xs, ys = zip(*points, strict=True)
        return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def draw_objects(
    image: Image.Image,
    objects: Sequence[DrawnObject],
    names: ClassNames,
    *,
    color_by: ColorBy | None = None,
    background: Background = "color",
    scale: float | None = None,
) -> Image.Image:
    """Draws objects, the large ones first, so that none is hidden.

    Args:
        image: the image, RGB.
        objects: the objects.
        names: of the classes, with their colours.
        color_by: whether objects of one class share a hue; by default they do where there is
            more than one class.
        background: `color` for the image as it is; `gray` for an image that has its colours only
            where objects are: in their masks, or in boxes without a mask.
        scale: as for `Canvas`.
    """
    if color_by is None:
        color_by = "instance" if len({one.category for one in objects}) <= 1 else "class"
    colors = _choose_colors(objects, names, color_by)
    areas = (_find_area(one, image.size) for one in objects)
    canvas = Canvas(make_background(image, areas, background), scale)
    order = sorted(range(len(objects)), key=lambda index: -_measure(objects[index]))
    for index in order:
        _paint(canvas, objects[index], colors[index])
    for index in order:
        draw_joints(canvas, objects[index].joints, names.connections, colors[index])
    for index, one in enumerate(objects):
        extent = one.extent
        if extent is not None:
            canvas.add_label(one.label, extent, colors[index])
    return canvas.finish()


def draw_joints(
    canvas: Canvas, joints: Sequence[Joint | None], connections: Connections, color: RGB
) -> None:
    """Draws lines between keypoints and dots upon them, rings where they are hidden."""
    lines = [
        ((first.x, first.y), (second.x, second.y))
        for first, second in _connect(joints, connections)
    ]
    for line in lines:
        canvas.draw_lines(line, _HALO, width=2.6)
    for line in lines:
        canvas.draw_lines(line, vary_color(color, 1), width=1.6)
    for joint in joints:
        if joint is not None:
            canvas.draw_dot((joint.x, joint.y), color, radius=2.0, filled=joint.is_visible)


def _connect(
    joints: Sequence[Joint | None], connections: Connections
) -> Iterable[tuple[Joint, Joint]]:
    for first, second in connections:
        if max(first, second) < len(joints):
            start, end = joints[first], joints[second]
            if start is not None and end is not None:
                yield start, end


def _paint(canvas: Canvas, one: DrawnObject, color: RGB) -> None:
    opacity = _OPACITY / 2 if one.is_crowd else _OPACITY
    if one.mask is not None:
        canvas.paint_mask(one.mask, color, opacity=opacity)
    if one.corners:
        width = 0.6 if one.mask is not None else 1.2
        canvas.draw_lines([*one.corners, one.corners[0]], color, width=width)


def _find_area(one: DrawnObject, size: tuple[int, int]) -> Mask:
    """The pixels of an object: its mask, else its box, H x W."""
    if one.mask is not None:
        return one.mask
    area = Image.new("1", size)
    if one.corners:
        ImageDraw.Draw(area).polygon([*one.corners], fill=1)
    return np.array(area)


def _choose_colors(
    objects: Sequence[DrawnObject], names: ClassNames, color_by: ColorBy
) -> list[RGB]:
    colors, seen = [], dict[int | None, int]()
    for index, one in enumerate(objects):
        shade = seen.get(one.category, 0)
        seen[one.category] = shade + 1
        if color_by == "instance" or one.category is None:
            colors.append(pick_color(index))
        else:
            colors.append(vary_color(names.color_thing(one.category), shade))
    return colors


def _measure(one: DrawnObject) -> float:
    extent = one.extent
    return 0.0 if extent is None else (extent[2] - extent[0]) * (extent[3] - extent[1])
