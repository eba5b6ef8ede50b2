"""Pictures of labels are read as they are, and written so that they are read back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from composer.data.faults import BadPart
from composer.data.label_images import read_labels, read_segment_ids, write_segment_ids

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=5)


@given(ids=arrays.arrays(np.int64, SHAPES, elements=st.integers(0, 256**3 - 1)))
def test_ids_of_segments_are_read_as_they_were_written(tmp_path_factory, ids):
    file = tmp_path_factory.mktemp("ids") / "segments.png"
    write_segment_ids(file, ids)
    np.testing.assert_array_equal(read_segment_ids(file), ids)


def test_an_id_counts_red_then_green_then_blue(tmp_path):
    Image.new("RGB", (2, 1), (3, 2, 1)).save(tmp_path / "segments.png")
    assert read_segment_ids(tmp_path / "segments.png").tolist() == [[3 + 2 * 256 + 65536] * 2]


@pytest.mark.parametrize(
    ("labels", "mode"),
    [([[0, 7], [255, 3]], "L"), ([[0, 7], [255, 3]], "P"), ([[0, 26001]], None), ([[0, 1]], "1")],
)
def test_labels_are_neither_scaled_nor_colored(tmp_path, labels, mode):
    pixels = np.array(labels, dtype=np.uint16 if mode is None else np.uint8)
    picture = Image.fromarray(pixels * 255 if mode == "1" else pixels)
    if mode == "P":
        picture.putpalette([255, 0, 0] * 256)
    elif mode is not None:
        picture = picture.convert(mode)
    picture.save(tmp_path / "labels.png")
    assert read_labels(tmp_path / "labels.png").tolist() == labels


def test_pictures_that_cannot_be_used_are_reported(tmp_path):
    with pytest.raises(BadPart, match="there is no such file") as caught:
        read_labels(tmp_path / "none.png")
    assert caught.value.kind == "missing_file"
    Image.effect_noise((40, 40), 60).save(tmp_path / "whole.png")
    cut = tmp_path / "cut.png"
    cut.write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    for read in (read_labels, read_segment_ids):
        with pytest.raises(BadPart, match=r"cut\.png cannot be read") as caught:
            read(cut)
        assert caught.value.kind == "unreadable_image"
    Image.new("RGB", (2, 2)).save(tmp_path / "colors.png")
    with pytest.raises(BadPart, match="labels are one channel, not 3"):
        read_labels(tmp_path / "colors.png")
