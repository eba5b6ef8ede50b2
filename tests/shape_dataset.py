"""A dataset that tests draw for themselves: coloured shapes with exact annotations.

Boxes, outlines, masks, keypoints and panoptic segments all come from the same corners, so that a
model that has understood an image can reach an average precision of 1.
"""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

CLASSES = ("square", "triangle", "disc")
COLORS = ((200, 60, 50), (60, 160, 70), (60, 90, 200))
CORNERS = (4, 3, 24)
STUFF = ("sky", "ground")
STUFF_COLORS = ((150, 170, 190), (120, 110, 90))
KEYPOINTS = ("left_end", "right_end", "top")
OWN_IDS = (3, 5, 8)  # the JSON's category ids have holes, as COCO's have
STUFF_IDS = (11, 12)


class ShapeDataset(NamedTuple):
    """Where the files are; the panoptic ones exist only if they were asked for."""

    images: Path
    annotations: Path
    panoptic: Path
    panoptic_images: Path


def write_shape_dataset(
    folder, num_images=4, size=(64, 80), seed=0, panoptic=False, keypoints=False, max_shapes=3
):
    """Draws images and writes their annotations.

    Args:
        folder: gets `images/`, `instances.json`, and `panoptic/` with `panoptic.json`.
        num_images: how many.
        size: (height, width) of the images, or one number for both.
        seed: the same seed draws the same.
        panoptic: whether to write panoptic annotations, too.
        keypoints: whether objects have keypoints.
        max_shapes: the most shapes on an image; there is one at least.
    """
    folder = Path(folder)
    files = ShapeDataset(
        folder / "images", folder / "instances.json", folder / "panoptic.json", folder / "panoptic"
    )
    files.images.mkdir(parents=True)
    if panoptic:
        files.panoptic_images.mkdir()
    rng = np.random.default_rng(seed)
    height, width = (size, size) if isinstance(size, int) else size
    images, annotations, segmented = [], [], []
    for image_id in range(1, num_images + 1):
        name = f"{image_id:04}.png"
        shapes = _place_shapes(rng, height, width, max_shapes)
        pixels, ids = _paint(rng, shapes, height, width)
        Image.fromarray(pixels).save(files.images / name)
        images.append({"id": image_id, "file_name": name, "height": height, "width": width})
        for shape in shapes:
            own_id = len(annotations) + 1
            annotations.append({"id": own_id, "image_id": image_id, **_annotate(shape, keypoints)})
        if panoptic:
            colors = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1)
            Image.fromarray(colors.astype(np.uint8)).save(files.panoptic_images / name)
            segments = _segments(ids, [shape.kind for shape in shapes])
            segmented.append({"image_id": image_id, "file_name": name, "segments_info": segments})
    categories = [_category(kind, keypoints) for kind in range(len(CLASSES))]
    _write(files.annotations, images, annotations, categories)
    if panoptic:
        stuff = [
            {"id": own_id, "name": name, "isthing": 0, "color": list(color)}
            for own_id, name, color in zip(STUFF_IDS, STUFF, STUFF_COLORS, strict=True)
        ]
        _write(files.panoptic, images, segmented, [*categories, *stuff])
    return files


class _Shape(NamedTuple):
    kind: int
    corners: np.ndarray  # N x 2, pixels
    mask: np.ndarray  # H x W, bool


def _place_shapes(rng, height, width, max_shapes):
    """Shapes whose boxes do not touch each other or the border."""
    shapes, taken = [], []
    wanted = rng.integers(1, max_shapes + 1)
    for _ in range(200):
        if len(shapes) == wanted:
            break
        kind = int(rng.integers(len(CLASSES)))
        radius = rng.uniform(0.14, 0.24) * min(height, width)
        x, y = rng.uniform(radius + 1, width - radius - 1), rng.uniform(radius + 1, height - radius)
        box = (x - radius, y - radius, x + radius, y + radius)
        if box[3] > height - 1 or any(_touch(box, other) for other in taken):
            continue
        corners = _corners(kind, x, y, radius)
        (run_lengths,) = coco_mask.frPyObjects([corners.ravel().tolist()], height, width)
        shapes.append(_Shape(kind, corners, coco_mask.decode(run_lengths).astype(bool)))
        taken.append(box)
    return shapes


def _touch(a, b):
    return a[0] < b[2] + 2 and b[0] < a[2] + 2 and a[1] < b[3] + 2 and b[1] < a[3] + 2


def _corners(kind, x, y, radius):
    """Corners around a centre; the first stands on top, but for the square's, which lies flat."""
    count = CORNERS[kind]
    first = -math.pi / 2 - (math.pi / 4 if count == 4 else 0)
    angles = first + 2 * math.pi * np.arange(count) / count
    corners = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    return corners.round(2)


def _paint(rng, shapes, height, width):
    """The picture, and the id of the segment that each pixel belongs to."""
    horizon = int(height * rng.uniform(0.4, 0.6))
    pixels = np.empty((height, width, 3))
    pixels[:horizon], pixels[horizon:] = STUFF_COLORS
    ids = np.full((height, width), 1000)
    ids[horizon:] = 70000
    for index, shape in enumerate(shapes):
        pixels[shape.mask] = np.array(COLORS[shape.kind]) + rng.integers(-20, 21, 3)
        ids[shape.mask] = index + 1
    noisy = pixels + rng.normal(0, 4, pixels.shape)
    return noisy.clip(0, 255).astype(np.uint8), ids


def _annotate(shape, keypoints):
    corners = shape.corners
    x0, y0, x1, y1 = (*corners.min(axis=0), *corners.max(axis=0))
    found = {
        "category_id": OWN_IDS[shape.kind],
        "bbox": [float(v) for v in (x0, y0, x1 - x0, y1 - y0)],
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


def _segments(ids, kinds):
    own_ids = {index + 1: OWN_IDS[kind] for index, kind in enumerate(kinds)}
    own_ids |= dict(zip((1000, 70000), STUFF_IDS, strict=True))
    segments = []
    for segment_id, own_id in own_ids.items():
        rows, columns = np.nonzero(ids == segment_id)
        if len(rows):
            x, y = int(columns.min()), int(rows.min())
            box = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
            segment = {"id": segment_id, "category_id": own_id, "iscrowd": 0, "bbox": box}
            segments.append({**segment, "area": len(rows)})
    return segments


def _category(kind, keypoints):
    found = {"id": OWN_IDS[kind], "name": CLASSES[kind], "isthing": 1, "color": list(COLORS[kind])}
    if keypoints:
        found |= {"keypoints": list(KEYPOINTS), "skeleton": [[1, 2], [1, 3], [2, 3]]}
    return found


def _write(file, images, annotations, categories):
    document = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(document))
