"""Images of more than 8 bits are scaled as their files say, or refused; never black."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from composer.errors import InputError
from composer.images import ImageFileError, make_upright, open_image
from unit.images.some_tiffs import write_tiff

RAMP = [0, 1024, 2048, 4095]  # of 12 bits


def levels(file):
    """The levels of the first row; all channels are equal."""
    pixels = np.asarray(open_image(file))
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


def save(folder, array, name="deep.tif", **options):
    Image.fromarray(array).save(folder / name, **options)
    return folder / name


def pack_twelve_bits(samples):
    bits = "".join(f"{sample:012b}" for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jp2"])
def test_sixteen_bits_are_the_whole_range(tmp_path, name):
    deep = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    file = save(tmp_path, deep, name)
    found = levels(file)
    assert np.abs(np.subtract(found, [0, 0, 1, 128, 255])).max() <= (name == "a.jp2")


def test_sixteen_bits_of_colour_are_the_whole_range(tmp_path):
    """Pillow cuts them to 8 bits by itself."""
    samples = np.array([0, 256, 32768, 65535, 65535, 0], dtype=np.uint16)
    file = write_tiff(tmp_path / "a.tif", samples.tobytes(), (2, 1), (16,) * 3, photometric=2)
    assert np.asarray(open_image(file)).tolist() == [[[0, 1, 128], [255, 255, 0]]]


def test_twelve_bits_of_tiff_are_scaled(tmp_path):
    file = write_tiff(tmp_path / "a.tif", pack_twelve_bits(RAMP), (4, 1), 12)
    assert levels(file) == [0, 64, 128, 255]


@pytest.mark.parametrize("tags", [{281: 4095}, {280: 0, 281: 4095}, {341: 4095}])
def test_the_largest_sample_that_a_tiff_states_is_white(tmp_path, tags):
    file = write_tiff(tmp_path / "a.tif", np.uint16(RAMP).tobytes(), (4, 1), 16, tags=tags)
    assert levels(file) == [0, 64, 128, 255]


def test_the_smallest_sample_that_a_tiff_states_is_black(tmp_path):
    samples = np.array([-1024, 0, 1023], dtype=np.int16)
    tags = {340: -1024.0, 341: 1023.0}
    file = write_tiff(tmp_path / "a.tif", samples.tobytes(), (3, 1), 16, sample_format=2, tags=tags)
    assert levels(file) == [0, 128, 255]


def test_the_display_range_of_imagej_is_used(tmp_path):
    about = "ImageJ=1.53t\nimages=1\nmin=0.0\nmax=4095.0\n"
    file = save(tmp_path, np.array([RAMP], dtype=np.uint16), tiffinfo={270: about})
    assert levels(file) == [0, 64, 128, 255]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_than_a_file_says_are_refused_and_not_black(tmp_path, name, bits):
    file = save(tmp_path, np.array([[0, 2**bits - 1]], dtype=np.uint16), name)
    with pytest.raises(InputError, match=rf"{name}: .* {2**bits - 1} at most: .* nearly black"):
        open_image(file)


def test_fewer_bits_of_colour_are_refused_and_not_black(tmp_path):
    samples = np.array([0, 100, 4095], dtype=np.uint16)
    file = write_tiff(tmp_path / "a.tif", samples.tobytes(), (1, 1), (16,) * 3, photometric=2)
    with pytest.raises(InputError, match=r"16 bits, and are below 4096: .* nearly black"):
        open_image(file)


def test_fewer_bits_of_colour_in_a_png_are_refused(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(make_deep_png([100, 200, 4095, 0, 0, 0]))
    with pytest.raises(InputError, match="nearly black"):
        open_image(file)
    file.write_bytes(make_deep_png([256, 32768, 65535, 0, 0, 0]))
    assert np.asarray(open_image(file))[0, 0].tolist() == [1, 128, 255]


def make_deep_png(samples):
    """Two pixels of RGB in 16 bits, which Pillow does not write."""

    def chunk(name, content):
        checked = name + content
        return struct.pack(">L", len(content)) + checked + struct.pack(">L", zlib.crc32(checked))

    head = struct.pack(">LLBBBBB", 2, 1, 16, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + struct.pack(">6H", *samples))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_an_image_that_is_black_stays_black(tmp_path):
    assert levels(save(tmp_path, np.zeros((1, 2), dtype=np.uint16), "a.png")) == [0, 0]


def test_floating_point_is_from_zero_to_one(tmp_path):
    file = save(tmp_path, np.array([[0, 0.25, 0.5, 1]], dtype=np.float32))
    assert levels(file) == [0, 64, 128, 255]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0, 255], "from 0 to 255, and nothing in the file says"),
        ([-1, 1], "from -1 to 1, and nothing in the file says"),
        ([0, np.nan], "NaN or infinite"),
        ([0, np.inf], "NaN or infinite"),
        ([0, 0.1], "nearly black"),
    ],
)
def test_other_floating_point_is_refused(tmp_path, samples, message):
    file = save(tmp_path, np.array([samples], dtype=np.float32))
    with pytest.raises(InputError, match=rf"deep\.tif: .*{message}"):
        open_image(file)


def test_the_range_of_floating_point_may_be_stated(tmp_path):
    samples = np.array([10, 20, 30], dtype=np.float32)
    file = write_tiff(
        tmp_path / "a.tif",
        samples.tobytes(),
        (3, 1),
        32,
        sample_format=3,
        tags={340: 10.0, 341: 30.0},
    )
    assert levels(file) == [0, 128, 255]


def test_thirty_two_bits_are_the_whole_range_or_refused(tmp_path):
    whole = np.array([0, 2**31, 2**32 - 1], dtype=np.uint32)
    assert levels(write_tiff(tmp_path / "a.tif", whole.tobytes(), (3, 1), 32)) == [0, 128, 255]
    small = np.array([0, 255], dtype=np.uint32)
    with pytest.raises(InputError, match="32 bits, and are 255 at most"):
        open_image(write_tiff(tmp_path / "b.tif", small.tobytes(), (2, 1), 32))


def test_signed_samples_are_refused(tmp_path):
    samples = np.array([-5, 30000], dtype=np.int16)
    file = write_tiff(tmp_path / "a.tif", samples.tobytes(), (2, 1), 16, sample_format=2)
    with pytest.raises(InputError, match="signed numbers"):
        open_image(file)


def test_white_as_zero_is_turned_round(tmp_path):
    samples = np.array([0, 65535], dtype=np.uint16)
    file = write_tiff(tmp_path / "a.tif", samples.tobytes(), (2, 1), 16, photometric=0)
    assert levels(file) == [255, 0]


def test_portable_maps_have_the_range_of_their_heads(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 4 1 4095\n" + np.array(RAMP, dtype=">u2").tobytes())
    assert levels(tmp_path / "a.pgm") == [0, 64, 128, 255]
    (tmp_path / "b.pgm").write_bytes(b"P5 3 1 3\n\x00\x01\x03")
    assert levels(tmp_path / "b.pgm") == [0, 85, 255]


def test_floating_point_in_colour_is_named(tmp_path):
    samples = np.zeros(3, dtype=np.float32)
    file = write_tiff(
        tmp_path / "a.tif", samples.tobytes(), (1, 1), (32,) * 3, photometric=2, sample_format=3
    )
    with pytest.raises(InputError, match="such as floating point in colour"):
        open_image(file)


def test_the_samples_that_a_user_says_count_over_those_of_the_file(tmp_path):
    samples = np.array([[0, 100, 2047, 4095, 65535]], dtype=np.uint16)
    Image.fromarray(samples).save(tmp_path / "x.png")
    found = np.asarray(open_image(tmp_path / "x.png", (100, 4095)))[0, :, 0]
    assert found.tolist() == [0, 0, 124, 255, 255]
    assert np.asarray(make_upright(Image.fromarray(samples), (0, 4095)))[0, 3, 0] == 255


@pytest.mark.parametrize("wrong", [(5, 5), (9, 1), (0,), (0, float("nan")), "ab", 7])
def test_a_range_that_is_none_is_told(tmp_path, wrong):
    Image.fromarray(np.zeros((2, 2), dtype=np.uint16)).save(tmp_path / "x.png")
    with pytest.raises(ImageFileError, match="sample_range is the samples that are black and"):
        open_image(tmp_path / "x.png", wrong)
