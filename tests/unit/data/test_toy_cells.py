"""Drawings of blood cells: annotated exactly, and the same for a seed."""

import numpy as np
import pytest
from PIL import Image

from composer.data import inspect_dataset, write_cell_dataset
from composer.data.readers.coco import coco
from composer.errors import DataError
from composer.structures import rasterize_polygons


@pytest.fixture
def files(tmp_path):
    return write_cell_dataset(tmp_path / "cells", num_images=5, size=120)


def test_cells_are_where_their_annotations_say(files):
    dataset = coco(annotations=files.annotations, images=files.images)
    assert len(dataset) == 5
    assert dataset.metadata.thing_classes == ("RBC", "WBC", "platelet")
    assert not dataset.faults
    assert inspect_dataset(dataset) is not None
    for record in dataset:
        pixels = np.asarray(Image.open(record.file_name).convert("RGB"), dtype=float)
        ground = np.median(pixels.reshape(-1, 3), axis=0)
        assert ground == pytest.approx([236, 226, 228], abs=4)
        for one in record.annotations:
            outline = [np.array(part) for part in one.segmentation]
            inside = rasterize_polygons(outline, record.height, record.width)
            assert np.abs(pixels[inside] - ground).max(axis=1).mean() > 15


def test_a_seed_draws_the_same(tmp_path):
    one, two, other = (
        write_cell_dataset(tmp_path / name, num_images=1, seed=seed)
        for name, seed in (("one", 1), ("two", 1), ("other", 2))
    )
    assert one.annotations.read_text() == two.annotations.read_text()
    assert one.annotations.read_text() != other.annotations.read_text()
    image = "cells_0001.png"
    assert (one.images / image).read_bytes() == (two.images / image).read_bytes()


def test_nothing_is_drawn_over(tmp_path, files):
    with pytest.raises(DataError, match="is there already"):
        write_cell_dataset(tmp_path / "cells")
