"""Kinds of PNG, TIFF, GIF and WebP that are rare in data sets: right pixels, whatever the kind."""

import logging
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from composer.images import ImageFileError, open_image, peek_size
from unit.images.some_tiffs import write_tiff

HEIGHT, WIDTH = 4, 6
COLOURS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
COLOURS[..., 0] = np.arange(WIDTH) * 40
COLOURS[..., 1] = np.arange(HEIGHT)[:, None] * 60
COLOURS[..., 2] = 7
GRAY = COLOURS[..., 0]
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
ADAM7 += ((0, 1, 1, 2),)
PLANAR, OFFSETS, LENGTHS = 284, 273, 279


def chunk(name, content):
    checked = name + content
    return struct.pack(">L", len(content)) + checked + struct.pack(">L", zlib.crc32(checked))


def write_png(file, rows, bits, kind, *, size=(WIDTH, HEIGHT), interlaced=0, extra=b""):
    """Writes rows of bytes, each with its filter, as a PNG of any kind."""
    head = struct.pack(">LLBBBBB", *size, bits, kind, 0, 0, interlaced)
    content = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    return file


def interlace(pixels):
    passes = (pixels[y::dy, x::dx] for x, y, dx, dy in ADAM7)
    return b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)


def read(file):
    image = open_image(file)
    assert image.mode == "RGB"
    assert peek_size(file) == (image.height, image.width)
    return np.asarray(image)


def repeat(gray):
    return np.repeat(np.asarray(gray, np.uint8)[..., None], 3, axis=-1)


@pytest.mark.parametrize("transparency", [None, 0, bytes([0, 128, 255])])
@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_is_its_colours_with_and_without_transparency(tmp_path, suffix, transparency):
    if suffix == "gif" and isinstance(transparency, bytes):
        pytest.skip("GIF has one transparent colour")
    palette = Image.fromarray(COLOURS).quantize(8)
    options = {} if transparency is None else {"transparency": transparency}
    palette.save(tmp_path / f"a.{suffix}", **options)
    expected = np.asarray(palette.convert("RGB"))
    assert (read(tmp_path / f"a.{suffix}") == expected).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.gif"])
def test_one_bit_is_black_and_white(tmp_path, name):
    Image.fromarray(GRAY > 100).save(tmp_path / name)
    assert (read(tmp_path / name) == repeat((GRAY > 100) * 255)).all()


@pytest.mark.parametrize(("bits", "row"), [(2, b"\x1b"), (4, b"\x05\xaf")])
def test_two_and_four_bits_reach_from_black_to_white(tmp_path, bits, row):
    file = write_png(tmp_path / "a.png", b"\0" + row, bits, 0, size=(4, 1))
    assert (read(file) == repeat([[0, 85, 170, 255]])).all()


@pytest.mark.parametrize("alpha", [0, 1000, 65535])
def test_gray_of_sixteen_bits_with_alpha_keeps_its_gray(tmp_path, alpha):
    row = b"".join(struct.pack(">HH", value, alpha) for value in (0, 20000, 40000, 65535))
    file = write_png(tmp_path / "a.png", b"\0" + row, 16, 4, size=(4, 1))
    assert np.abs(read(file).astype(int) - repeat([[0, 78, 156, 255]])).max() <= 1


@pytest.mark.parametrize(("kind", "count"), [(2, 3), (6, 4)])
def test_colours_of_sixteen_bits_are_scaled(tmp_path, kind, count):
    row = b"".join(struct.pack(">4H", value, value // 2, 0, 9)[: 2 * count] for value in (0, 65535))
    file = write_png(tmp_path / "a.png", b"\0" + row, 16, kind, size=(2, 1))
    assert read(file).tolist() == [[[0, 0, 0], [255, 127, 0]]]


@pytest.mark.parametrize(
    ("kind", "row", "key"), [(0, b"\x09\x55", (0x55,)), (2, b"\1\2\3\4\5\6", (1, 2, 3))]
)
def test_a_transparent_colour_stays_that_colour(tmp_path, kind, row, key):
    extra = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    file = write_png(tmp_path / "a.png", b"\0" + row, 8, kind, size=(2, 1), extra=extra)
    expected = repeat([[9, 0x55]]) if kind == 0 else [[[1, 2, 3], [4, 5, 6]]]
    assert (read(file) == expected).all()


@pytest.mark.parametrize("alpha", [0, 10, 255])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_pixels_below_transparency_are_kept(tmp_path, suffix, alpha):
    layer = np.full((HEIGHT, WIDTH, 1), alpha, np.uint8)
    for pixels in (GRAY[..., None], COLOURS):
        Image.fromarray(np.concatenate((pixels, layer), axis=2)).save(tmp_path / f"a.{suffix}")
        assert (read(tmp_path / f"a.{suffix}") == pixels).all()


def test_an_interlaced_image_is_read_as_any_other(tmp_path):
    file = write_png(tmp_path / "a.png", interlace(COLOURS), 8, 2, interlaced=1)
    assert (read(file) == COLOURS).all()


def test_the_first_image_of_an_animation_is_read_and_told(tmp_path, caplog):
    first, second = Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)
    for number, options in enumerate(({}, {"default_image": True})):
        file = tmp_path / f"{number}.png"
        first.save(file, save_all=True, append_images=[second], **options)
        with caplog.at_level(logging.WARNING, "composer.images"):
            assert (read(file) == COLOURS).all()
        assert f"{number}.png: there are several images" in caplog.text


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_holds_in_every_format(tmp_path, suffix, orientation):
    corner = np.zeros((16, 32, 3), np.uint8)
    corner[:8, :16] = 255  # the upper left one
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(corner).save(tmp_path / f"a.{suffix}", exif=exif)
    found = read(tmp_path / f"a.{suffix}")
    assert found.shape[:2] == ((16, 32) if orientation < 5 else (32, 16))
    rows, columns = found.shape[0] // 4, found.shape[1] // 4
    places = {1: "lt", 2: "rt", 3: "rb", 4: "lb", 5: "lt", 6: "rt", 7: "rb", 8: "lb"}
    across, down = places[orientation]
    x = columns if across == "l" else 3 * columns
    y = rows if down == "t" else 3 * rows
    assert found[y, x].min() > 200
    assert found[4 * rows - 1 - y, x].max() < 50
    assert found[y, 4 * columns - 1 - x].max() < 50


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_inks_become_colours(tmp_path, suffix):
    Image.fromarray(COLOURS).convert("CMYK").save(tmp_path / f"a.{suffix}")
    assert np.abs(read(tmp_path / f"a.{suffix}").astype(int) - COLOURS).max() <= 30


def test_the_first_page_of_several_is_read_and_told(tmp_path, caplog):
    first = Image.fromarray(COLOURS)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[first.resize((3, 2))])
    with caplog.at_level(logging.WARNING, "composer.images"):
        assert (read(tmp_path / "a.tif") == COLOURS).all()
    assert "there are several images in this file; the first is read" in caplog.text


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_compressed_tiffs_are_read(tmp_path, mode, compression):
    image = Image.fromarray(COLOURS).convert(mode)
    image.save(tmp_path / "a.tif", compression=compression)
    assert (read(tmp_path / "a.tif") == np.asarray(image.convert("RGB"))).all()


def write_planar(file, planes, bits):
    """A TIFF whose channels come one after the other."""
    length = planes[0].nbytes
    probe = {PLANAR: 2, LENGTHS: (length,) * 3, OFFSETS: None}
    content = b"".join(plane.tobytes() for plane in planes)
    write_tiff(file, content, (WIDTH, HEIGHT), (bits,) * 3, photometric=2, tags=probe)
    start = len(file.read_bytes()) - len(content)
    probe[OFFSETS] = tuple(start + index * length for index in range(3))
    return write_tiff(file, content, (WIDTH, HEIGHT), (bits,) * 3, photometric=2, tags=probe)


def test_channels_one_after_the_other_are_read(tmp_path):
    planes = [np.ascontiguousarray(COLOURS[..., channel]) for channel in range(3)]
    assert (read(write_planar(tmp_path / "a.tif", planes, 8)) == COLOURS).all()


def test_deep_channels_one_after_the_other_are_told(tmp_path):
    planes = [COLOURS[..., channel].astype("<u2") * 257 for channel in range(3)]
    file = write_planar(tmp_path / "a.tif", planes, 16)
    with pytest.raises(ImageFileError, match=r"a\.tif: .* one after the other and have more"):
        read(file)
