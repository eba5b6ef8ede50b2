"""A dataset of drawings that look like blood under a microscope, to try fine-tuning with.

Pale red cells, violet nuclei and specks lie on a bright ground: another look than photographs, as
that of many data sets to which a model is adapted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from composer.data.toy_dataset import make_folders
from composer.files import write_bytes, write_json
from composer.images import encode_image

CELLS = ("RBC", "WBC", "platelet")

_GROUND, _RED, _VIOLET = (236, 226, 228), (214, 148, 150), (120, 84, 160)
_RADII = ((0.060, 0.075), (0.085, 0.105), (0.020, 0.026))  # of the shorter side, by class
_COUNTS = ((6, 11), (0, 3), (0, 4))
_NUM_CORNERS, _TRIES = 24, 60


class CellDataset(NamedTuple):
    """Where the files are."""

    images: Path
    annotations: Path


class _Cell(NamedTuple):
    kind: int
    corners: NDArray[np.float64]  # N x 2, x and y in pixels


def write_cell_dataset(
    folder: str | os.PathLike[str], num_images: int = 10, size: int = 160, *, seed: int = 0
) -> CellDataset:
    """Draws images of blood cells, and writes their boxes and masks in COCO's format.

    Args:
        folder: gets `images/` and `instances.json`.
        num_images: number of images.
        size: height and width of the images in pixels.
        seed: the same seed draws the same.

    Raises:
        DataError: there is such a dataset in the folder already, or a folder cannot be made.
    """
    files = CellDataset(Path(folder, "images"), Path(folder, "instances.json"))
    make_folders(files.images)
    draw = np.random.default_rng(seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, num_images + 1):
        cells = _place_cells(draw, size)
        name = f"cells_{number:04}.png"
        picture = encode_image(_paint(draw, cells, size), ".png")
        write_bytes(files.images / name, picture)
        images.append({"id": number, "file_name": name, "height": size, "width": size})
        annotations += [_annotate(cell, number) for cell in cells]
    document = {
        "images": images,
        "annotations": [{"id": at, **one} for at, one in enumerate(annotations, 1)],
        "categories": [{"id": at, "name": name} for at, name in enumerate(CELLS, 1)],
    }
    write_json(files.annotations, document)
    return files


def _place_cells(draw: np.random.Generator, size: int) -> list[_Cell]:
    """Cells that touch each other but do not overlap by much, the large ones first."""
    cells: list[_Cell] = []
    taken: list[tuple[float, float, float]] = []
    for kind in (1, 0, 2):
        wanted = draw.integers(*_COUNTS[kind])
        for _ in range(_TRIES):
            if wanted == 0:
                break
            radius = draw.uniform(*_RADII[kind]) * size
            x, y = draw.uniform(radius + 1, size - radius - 1, 2)
            if any(np.hypot(x - a, y - b) < 0.9 * (radius + r) for a, b, r in taken):
                continue
            taken.append((x, y, radius))
            cells.append(_Cell(kind, _find_outline(draw, x, y, radius)))
            wanted -= 1
    return cells


def _find_outline(
    draw: np.random.Generator, x: float, y: float, radius: float
) -> NDArray[np.float64]:
    """A circle that is squeezed in some direction."""
    angles = 2 * np.pi * np.arange(_NUM_CORNERS) / _NUM_CORNERS
    squeeze, turn = draw.uniform(0.8, 1.0), draw.uniform(0, np.pi)
    along, across = radius * np.cos(angles), radius * squeeze * np.sin(angles)
    corners = np.stack(
        [
            x + along * np.cos(turn) - across * np.sin(turn),
            y + along * np.sin(turn) + across * np.cos(turn),
        ],
        axis=1,
    )
    return corners.round(2)


def _paint(draw: np.random.Generator, cells: list[_Cell], size: int) -> Image.Image:
    image = Image.new("RGB", (size, size), _GROUND)
    pen = ImageDraw.Draw(image)
    for cell in cells:
        shade = int(draw.integers(-12, 13))
        middle = cell.corners.mean(axis=0)
        if cell.kind == 0:
            _fill(pen, cell.corners, _RED, shade)
            _fill(pen, middle + 0.45 * (cell.corners - middle), _GROUND, shade - 14)
        elif cell.kind == 1:
            _fill(pen, cell.corners, (206, 190, 214), shade)
            for shift in draw.uniform(-0.3, 0.3, (3, 2)) * np.ptp(cell.corners, axis=0) / 2:
                _fill(pen, middle + shift + 0.45 * (cell.corners - middle), _VIOLET, shade)
        else:
            _fill(pen, cell.corners, _VIOLET, shade)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float64)
    noisy = soft + draw.normal(0, 3, soft.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _fill(
    pen: ImageDraw.ImageDraw,
    corners: NDArray[np.float64],
    color: tuple[int, int, int],
    shade: int,
) -> None:
    red, green, blue = (int(np.clip(part + shade, 0, 255)) for part in color)
    pen.polygon([(x, y) for x, y in corners.tolist()], fill=(red, green, blue))


def _annotate(cell: _Cell, image_id: int) -> dict[str, Any]:
    corners = cell.corners
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    x, y = corners.T
    area = abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2
    return {
        "image_id": image_id,
        "category_id": cell.kind + 1,
        "bbox": [round(side, 2) for side in (x0, y0, x1 - x0, y1 - y0)],
        "area": round(area, 2),
        "iscrowd": 0,
        "segmentation": [corners.ravel().tolist()],
    }
