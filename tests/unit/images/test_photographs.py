"""Images of any mode become RGB of 8 bits."""

import logging

import numpy as np
import pytest
from PIL import Image

from composer.images import make_upright, open_image

LIGHT = 180


PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")


def make_light(mode):
    """An image of the level 180; in black and white of 255."""
    grey = Image.new("L", (2, 2), 255 if mode == "1" else LIGHT)
    if mode in PLAIN_MODES:
        return grey.convert("RGB").convert(mode)
    if mode == "F":
        return Image.fromarray(np.full((2, 2), LIGHT / 255, dtype=np.float32))
    if mode in ("I;16", "I"):
        kind = np.uint16 if mode == "I;16" else np.int32
        return Image.fromarray(np.full((2, 2), LIGHT << 8, dtype=kind))
    first = {"La": "LA", "RGBa": "RGBA", "PA": "P"}[mode]
    return grey.convert(first).convert(mode)


@pytest.mark.parametrize("mode", [*PLAIN_MODES, "La", "PA", "RGBa", "I;16", "I", "F"])
def test_every_mode_of_pillow_becomes_rgb_and_not_black(mode):
    image = make_light(mode)
    assert image.mode == mode
    found = make_upright(image)
    assert found.mode == "RGB"
    expected = 255 if mode == "1" else LIGHT
    assert abs(int(np.asarray(found).mean()) - expected) <= 3
    assert image.mode == mode


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.jpg", "CMYK"), ("a.tif", "CMYK"), ("a.png", "1"), ("a.tif", "1"), ("a.bmp", "1"),
        ("a.gif", "P"), ("a.png", "LA"), ("a.jfif", "RGB"), ("a.jp2", "RGB"), ("a.avif", "RGB"),
        ("a.webp", "RGBA"), ("a.pbm", "1"),
    ],
)  # fmt: skip
def test_every_format_keeps_its_brightness(tmp_path, name, mode):
    image = Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode)
    image.save(tmp_path / name, format="JPEG" if name == "a.jfif" else None)
    assert np.asarray(open_image(tmp_path / name)).min() > 250


def test_heic_is_read_with_its_plugin(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(tmp_path / "a.heic")
    found = np.asarray(open_image(tmp_path / "a.heic")).reshape(-1, 3).mean(0)
    assert np.abs(found - [200, 100, 50]).max() < 4


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.png", "a.webp"])
def test_the_first_of_several_images_is_read_and_the_others_are_reported(tmp_path, name, caplog):
    shades = [Image.new("L", (4, 4), shade).convert("RGB") for shade in (10, 200, 90)]
    shades[0].save(tmp_path / name, save_all=True, append_images=shades[1:])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert abs(np.asarray(open_image(tmp_path / name)).mean() - 10) < 3
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / name}: there are several images in this file; the first is read"
    ]


def test_a_smaller_copy_in_a_tiff_is_no_image_of_its_own(tmp_path, caplog):
    large, small = Image.new("L", (8, 8), 100), Image.new("L", (4, 4), 100)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    large.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    open_image(tmp_path / "a.tif")
    assert not caplog.records


def test_a_tiff_that_lies_on_its_side_is_turned_once(tmp_path):
    pixels = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(tmp_path / "a.tif", exif=exif)
    found = np.asarray(open_image(tmp_path / "a.tif"))[..., 0]
    assert found.tolist() == np.rot90(pixels, -1).tolist()
