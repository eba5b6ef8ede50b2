"""Pictures are turned as their EXIF says, whatever else is damaged in it."""

import struct

import numpy as np
import pytest
from PIL import Image

from composer.images import make_upright, open_image, peek_size

SHORT, TEXT, RATIONAL = 3, 2, 5
SIDEWAYS = (274, SHORT, 1, b"\0\x06")


def write_exif(*entries):
    """One directory of tags, of any type and content, in big-endian order."""
    start = 8 + 2 + 12 * len(entries) + 4
    directory, rest = b"", b""
    for tag, kind, count, value in entries:
        if len(value) <= 4:
            placed = value.ljust(4, b"\0")
        else:
            placed = struct.pack(">I", start + len(rest))
            rest += value
        directory += struct.pack(">HHI", tag, kind, count) + placed
    head = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries))
    return head + directory + b"\0\0\0\0" + rest


def save(folder, *entries):
    file = folder / "photo.jpg"
    Image.new("RGB", (30, 20)).save(file, exif=write_exif(*entries))
    return file


@pytest.mark.parametrize(
    "damaged",
    [
        (282, TEXT, 4, b"72\0\0"),  # the resolution as text
        (296, TEXT, 3, b"ab\0"),  # its unit as text
        (256, RATIONAL, 1, b"\0" * 8),  # the width as 0 / 0
    ],
)
def test_a_damaged_tag_beside_the_orientation_changes_nothing(tmp_path, damaged):
    file = save(tmp_path, *sorted([SIDEWAYS, damaged]))
    assert open_image(file).size == (20, 30)
    assert peek_size(file) == (30, 20)


@pytest.mark.parametrize(
    "orientation",
    [
        (274, TEXT, 2, b"6\0"),
        (274, SHORT, 2, b"\0\x06\0\x06"),
        (274, SHORT, 1, b"\0\x09"),
        (274, SHORT, 1, b"\0\0"),
    ],
)
def test_an_orientation_that_is_none_leaves_the_picture_as_it_is(tmp_path, orientation):
    file = save(tmp_path, orientation)
    assert open_image(file).size == (30, 20)
    assert peek_size(file) == (20, 30)


def test_exif_that_is_none_leaves_the_picture_as_it_is(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.new("RGB", (30, 20)).save(file, exif=b"Exif\0\0nothing of the sort")
    assert open_image(file).size == (30, 20)
    assert peek_size(file) == (20, 30)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[1, 2, 3], [4, 5, 6]]),
        (2, [[3, 2, 1], [6, 5, 4]]),
        (3, [[6, 5, 4], [3, 2, 1]]),
        (4, [[4, 5, 6], [1, 2, 3]]),
        (5, [[1, 4], [2, 5], [3, 6]]),
        (6, [[4, 1], [5, 2], [6, 3]]),
        (7, [[6, 3], [5, 2], [4, 1]]),
        (8, [[3, 6], [2, 5], [1, 4]]),
    ],
)
def test_each_orientation_is_turned_upright(tmp_path, orientation, expected):
    exif = Image.Exif()
    exif[274] = orientation
    file = tmp_path / "photo.png"
    Image.fromarray(np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)).save(file, exif=exif)
    assert np.asarray(open_image(file))[..., 0].tolist() == expected
    assert peek_size(file) == np.shape(expected)


def test_a_picture_that_is_given_is_not_changed():
    given = Image.new("RGB", (2, 1))
    made = make_upright(given)
    made.putpixel((0, 0), (9, 9, 9))
    assert given.getpixel((0, 0)) == (0, 0, 0)
