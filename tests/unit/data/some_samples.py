"""Samples in which everything tells of the same objects, and records of files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from composer.data import Annotation, Dataset, Metadata, Record, Sample
from composer.structures import BitMasks

OUTLINES = (
    (np.array([5.0, 4.0, 20.0, 6.0, 17.0, 18.0]),),
    (np.array([24.0, 10.0, 36.0, 10.0, 36.0, 25.0, 24.0, 25.0]),),
)
KEYPOINTS = [[[6.5, 5.5, 2], [16.5, 7.5, 1]], [[25.5, 12.5, 2], [34.5, 22.5, 2]]]


def make_sample(height=30, width=40, *, masks="outlines"):
    """An image of two objects, the second a rectangle of one colour."""
    rows = np.random.default_rng(0).integers(0, 200, (height, width, 3), dtype=np.uint8)
    bit_masks = BitMasks.from_polygon_masks(OUTLINES, height, width).tensor
    labels = torch.full((height, width), 7)
    for index, mask in enumerate(bit_masks):
        labels[mask] = index
    rows[bit_masks[1].numpy()] = 255
    return Sample(
        image=torch.from_numpy(rows).permute(2, 0, 1),
        boxes=torch.tensor([[5, 4, 20, 18], [24, 10, 36, 25]], dtype=torch.float64),
        categories=torch.tensor([3, 1]),
        outlines=OUTLINES if masks == "outlines" else None,
        bit_masks=bit_masks if masks == "bit_masks" else None,
        keypoints=torch.tensor(KEYPOINTS, dtype=torch.float64),
        keypoint_flips=(1, 0),
        sem_seg=labels,
        panoptic=labels.int() + 1,
    )


def assert_same(left, right, tolerance=1e-9):
    """Compares all that two samples hold; coordinates up to a tolerance."""
    assert torch.equal(left.image, right.image)
    assert torch.allclose(left.boxes, right.boxes, rtol=0, atol=tolerance)
    assert torch.equal(left.categories, right.categories)
    assert (left.outlines is None) == (right.outlines is None)
    for ours, theirs in zip(left.outlines or (), right.outlines or (), strict=True):
        for part, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(part, other, rtol=0, atol=tolerance)
    for name in ("bit_masks", "sem_seg", "panoptic"):
        ours, theirs = getattr(left, name), getattr(right, name)
        assert (ours is None) == (theirs is None)
        assert ours is None or torch.equal(ours, theirs)
    assert torch.allclose(left.keypoints, right.keypoints, rtol=0, atol=tolerance)


def write_dataset(folder, sizes=((30, 40), (40, 30), (30, 40), (40, 30), (30, 40)), **more):
    """Images whose grey is their number times ten, with one object each."""
    records = []
    for number, (height, width) in enumerate(sizes):
        file = Path(folder) / f"{number}.png"
        Image.new("RGB", (width, height), (number * 10,) * 3).save(file)
        annotation = Annotation((4.0, 5.0, 20.0, 25.0), 0, [[4, 5, 20, 5, 20, 25, 4, 25]])
        records.append(Record(file, number, height, width, (annotation,), **more))
    return Dataset("greys", tuple(records), Metadata(thing_classes=("thing",)))
