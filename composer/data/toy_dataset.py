"""A dataset of drawings to try things with: coloured shapes with exact annotations.

Boxes, outlines, masks, keypoints and panoptic segments all come from the same corners, so a model
that has understood an image can reach an average precision of 1.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from composer.data.label_images import write_segment_ids
from composer.errors import DataError
from composer.files import write_bytes, write_json
from composer.images import encode_image
from composer.structures import rasterize_polygons

CLASSES = ("square", "triangle", "disc")
COLORS = ((200, 60, 50), (60, 160, 70), (60, 90, 200))
CORNERS = (4, 3, 24)
STUFF = ("sky", "ground")
STUFF_COLORS = ((150, 170, 190), (120, 110, 90))
KEYPOINTS = ("left_end", "right_end", "top")
OWN_IDS = (3, 5, 8)  # category numbers with holes, as COCO's have
STUFF_IDS = (11, 12)

_SKY_SEGMENT, _GROUND_SEGMENT = 1000, 70000  # ids that take more than one colour channel
_TRIES = 200


class ShapeDataset(NamedTuple):
    """Where the files are; the panoptic ones exist only if they were asked for."""

    images: Path
    annotations: Path
    panoptic: Path
    panoptic_images: Path


class _Shape(NamedTuple):
    kind: int
    corners: NDArray[np.float64]  # N x 2, x and y in pixels
    mask: NDArray[np.bool_]  # H x W


class _Drawing(NamedTuple):
    name: str
    shapes: list[_Shape]
    pixels: NDArray[np.uint8]  # H x W x 3, RGB
    ids: NDArray[np.int64]  # H x W, the segment of each pixel


def write_shape_dataset(
    folder: str | os.PathLike[str],
    num_images: int = 4,
    size: int | tuple[int, int] = (64, 80),
    *,
    seed: int = 0,
    panoptic: bool = False,
    keypoints: bool = False,
    max_shapes: int = 3,
) -> ShapeDataset:
    """Draws images of squares, triangles and discs, and writes their annotations.

    Args:
        folder: gets `images/`, `instances.json`, and `panoptic/` with `panoptic.json`.
        num_images: how many.
        size: (height, width) of the images in pixels, or one number for both.
        seed: the same seed draws the same.
        panoptic: whether to write panoptic annotations, too.
        keypoints: whether objects have keypoints.
        max_shapes: the most shapes on an image; there is one at least.

    Raises:
        DataError: there is such a dataset in the folder already, or a folder cannot be made.
    """
    folder = Path(folder)
    files = ShapeDataset(
        folder / "images", folder / "instances.json", folder / "panoptic.json", folder / "panoptic"
    )
    make_folders(files.images, *([files.panoptic_images] if panoptic else ()))
    rng = np.random.default_rng(seed)
    sides = (size, size) if isinstance(size, int) else size
    drawings = []
    for number in range(1, num_images + 1):
        drawing = _draw(rng, f"{number:04}.png", *sides, max_shapes)
        picture = encode_image(Image.fromarray(drawing.pixels), ".png")
        write_bytes(files.images / drawing.name, picture)
        if panoptic:
            write_segment_ids(files.panoptic_images / drawing.name, drawing.ids)
        drawings.append(drawing)
    things = [_describe_category(kind, keypoints) for kind in range(len(CLASSES))]
    _write(files.annotations, drawings, _annotate_all(drawings, keypoints), things)
    if panoptic:
        _write(files.panoptic, drawings, _segment_all(drawings), [*things, *_describe_stuff()])
    return files


def make_folders(*folders: Path) -> None:
    """Makes the folders of a dataset that is drawn.

    Raises:
        DataError: one is there already, or cannot be made.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise DataError(f"{folder} is there already: nothing is drawn over it") from None
        except OSError as error:
            raise DataError(f"{folder} cannot be made: {error.strerror}") from error


def _draw(
    rng: np.random.Generator, name: str, height: int, width: int, max_shapes: int
) -> _Drawing:
    shapes = _place_shapes(rng, height, width, max_shapes)
    return _Drawing(name, shapes, *_paint(rng, shapes, height, width))


def _place_shapes(
    rng: np.random.Generator, height: int, width: int, max_shapes: int
) -> list[_Shape]:
    """Shapes whose boxes do not touch each other or the border."""
    shapes: list[_Shape] = []
    taken: list[tuple[float, ...]] = []
    wanted = rng.integers(1, max_shapes + 1)
    for _ in range(_TRIES):
        if len(shapes) == wanted:
            break
        kind = int(rng.integers(len(CLASSES)))
        radius = rng.uniform(0.14, 0.24) * min(height, width)
        x, y = rng.uniform(radius + 1, width - radius - 1), rng.uniform(radius + 1, height - radius)
        box = (x - radius, y - radius, x + radius, y + radius)
        if box[3] > height - 1 or any(_touch(box, other) for other in taken):
            continue
        corners = _find_corners(kind, x, y, radius)
        shapes.append(_Shape(kind, corners, rasterize_polygons([corners.ravel()], height, width)))
        taken.append(box)
    return shapes


def _touch(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] + 2 and b[0] < a[2] + 2 and a[1] < b[3] + 2 and b[1] < a[3] + 2


def _find_corners(kind: int, x: float, y: float, radius: float) -> NDArray[np.float64]:
    """Corners around a centre; the first stands on top, but for the square's, which lies flat."""
    count = CORNERS[kind]
    first = -math.pi / 2 - (math.pi / 4 if count == 4 else 0)
    angles = first + 2 * math.pi * np.arange(count) / count
    corners = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    return corners.round(2)


def _paint(
    rng: np.random.Generator, shapes: Sequence[_Shape], height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The image, and the id of the segment that each pixel belongs to."""
    horizon = int(height * rng.uniform(0.4, 0.6))
    pixels = np.empty((height, width, 3))
    pixels[:horizon], pixels[horizon:] = STUFF_COLORS
    ids = np.full((height, width), _SKY_SEGMENT)
    ids[horizon:] = _GROUND_SEGMENT
    for index, shape in enumerate(shapes):
        pixels[shape.mask] = np.array(COLORS[shape.kind]) + rng.integers(-20, 21, 3)
        ids[shape.mask] = index + 1
    noisy = pixels + rng.normal(0, 4, pixels.shape)
    return noisy.clip(0, 255).astype(np.uint8), ids


def _annotate_all(drawings: Sequence[_Drawing], keypoints: bool) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for image_id, drawing in enumerate(drawings, 1):
        for shape in drawing.shapes:
            place = {"id": len(annotations) + 1, "image_id": image_id}
            annotations.append({**place, **_annotate(shape, keypoints)})
    return annotations


def _annotate(shape: _Shape, keypoints: bool) -> dict[str, Any]:
    corners = shape.corners
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    found: dict[str, Any] = {
        "category_id": OWN_IDS[shape.kind],
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": float(shape.mask.sum()),
        "iscrowd": 0,
        "segmentation": [corners.ravel().tolist()],
    }
    if keypoints:
        ends = [corners[corners[:, 0].argmin()], corners[corners[:, 0].argmax()]]
        points = [*ends, corners[corners[:, 1].argmin()]]
        found["keypoints"] = [float(v) for x, y in points for v in (x, y, 2)]
        found["num_keypoints"] = len(points)
    return found


def _segment_all(drawings: Sequence[_Drawing]) -> list[dict[str, Any]]:
    return [
        {"image_id": image_id, "file_name": drawing.name, "segments_info": _list_segments(drawing)}
        for image_id, drawing in enumerate(drawings, 1)
    ]


def _list_segments(drawing: _Drawing) -> list[dict[str, Any]]:
    own_ids = {index + 1: OWN_IDS[shape.kind] for index, shape in enumerate(drawing.shapes)}
    own_ids |= dict(zip((_SKY_SEGMENT, _GROUND_SEGMENT), STUFF_IDS, strict=True))
    segments = []
    for segment_id, own_id in own_ids.items():
        rows, columns = np.nonzero(drawing.ids == segment_id)
        if len(rows):
            x, y = int(columns.min()), int(rows.min())
            box = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
            segment = {"id": segment_id, "category_id": own_id, "iscrowd": 0, "bbox": box}
            segments.append({**segment, "area": len(rows)})
    return segments


def _describe_category(kind: int, keypoints: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": OWN_IDS[kind], "name": CLASSES[kind], "isthing": 1}
    found["color"] = list(COLORS[kind])
    if keypoints:
        found |= {"keypoints": list(KEYPOINTS), "skeleton": [[1, 2], [1, 3], [2, 3]]}
        found["keypoint_flip_pairs"] = [list(KEYPOINTS[:2])]
    return found


def _describe_stuff() -> list[dict[str, Any]]:
    return [
        {"id": own_id, "name": name, "isthing": 0, "color": list(color)}
        for own_id, name, color in zip(STUFF_IDS, STUFF, STUFF_COLORS, strict=True)
    ]


def _write(
    file: Path,
    drawings: Sequence[_Drawing],
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]],
) -> None:
    images = [
        {"id": i, "file_name": one.name, "height": one.ids.shape[0], "width": one.ids.shape[1]}
        for i, one in enumerate(drawings, 1)
    ]
    document = {"images": images, "annotations": annotations, "categories": categories}
    write_json(file, document)
