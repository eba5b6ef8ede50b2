"""Labels are the samples that files store."""

import numpy as np
import pytest
from PIL import Image

from composer.errors import InputError
from composer.images import read_color_samples, read_samples


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", np.uint16), ("a.tif", np.uint16), ("a.tif", np.int32), ("a.png", np.uint8)],
)
def test_labels_of_any_depth_are_not_scaled(tmp_path, name, kind):
    labels = np.array([[0, 1, 7], [3, 250, 26 if kind == np.uint8 else 26_001]]).astype(kind)
    Image.fromarray(labels).save(tmp_path / name)
    assert read_samples(tmp_path / name).tolist() == labels.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_labels_of_few_bits_are_not_spread(tmp_path, bits, mode):
    labels = np.arange(8, dtype=np.uint8).reshape(2, 4) % 2**bits
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 255, 255] * 128)
    image.save(tmp_path / "a.png", bits=bits)
    assert read_samples(tmp_path / "a.png").tolist() == labels.tolist()


def test_labels_in_portable_maps_are_not_spread(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 20\n\x00\x07\x14")
    assert read_samples(tmp_path / "a.pgm").tolist() == [[0, 7, 20]]
    (tmp_path / "b.pgm").write_bytes(b"P5 2 1 1000\n\x00\x07\x03\xe8")
    assert read_samples(tmp_path / "b.pgm").tolist() == [[7, 1000]]


def test_masks_of_one_bit_are_zeros_and_ones(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert read_samples(tmp_path / "a.png").tolist() == [[1, 0]]


def test_labels_that_lost_their_values_are_refused(tmp_path):
    Image.new("L", (8, 8), 3).save(tmp_path / "a.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg")
    with pytest.raises(InputError, match=r"a\.jpg: labels are changed by the compression of JPEG"):
        read_samples(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"b\.jpg: labels are changed"):
        read_color_samples(tmp_path / "b.jpg")
    Image.fromarray(np.array([[0.5, 1]], dtype=np.float32)).save(tmp_path / "c.tif")
    with pytest.raises(InputError, match=r"c\.tif: labels are whole numbers"):
        read_samples(tmp_path / "c.tif")


def test_ids_in_colours_need_colours(tmp_path):
    colors = np.array([[[1, 2, 3], [0, 0, 9]]], dtype=np.uint8)
    Image.fromarray(colors).save(tmp_path / "a.png")
    assert read_color_samples(tmp_path / "a.png").tolist() == colors.tolist()
    Image.fromarray(colors).quantize(4).save(tmp_path / "b.png")
    assert read_color_samples(tmp_path / "b.png").tolist() == colors.tolist()
    Image.fromarray(colors[..., 0]).save(tmp_path / "c.png")
    with pytest.raises(InputError, match=r"c\.png: ids are in the 8 bits of red"):
        read_color_samples(tmp_path / "c.png")
