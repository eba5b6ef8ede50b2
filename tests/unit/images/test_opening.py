"""Images are opened by named formats and within limits; errors name the file."""

import contextlib
import os
import random
import struct
import warnings
import zlib

import pytest
from PIL import EpsImagePlugin, Image

from composer.errors import InputError
from composer.images import ImageFileError, open_image, opened_content, peek_size
from composer.images.formats import FORMATS
from unit.images.some_tiffs import write_tiff


def make_bomb(width, height):
    """A PNG that claims many pixels and has few bytes."""

    def chunk(name, content):
        checked = name + content
        return struct.pack(">L", len(content)) + checked + struct.pack(">L", zlib.crc32(checked))

    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return (
        signature + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    (tmp_path / "bomb.png").write_bytes(make_bomb(40_000, 35_000))
    for read in (open_image, peek_size):
        with pytest.raises(
            ImageFileError,
            match=r"bomb\.png: .*of memory, and 1 GiB is the limit.* COMPOSER_MAX_BYTES",
        ):
            read(tmp_path / "bomb.png")


def test_the_tiles_of_a_tiff_count(tmp_path):
    tags = {322: 60_000, 323: 60_000}
    file = write_tiff(tmp_path / "a.tif", b"\0", (1, 1), 8, tags=tags)
    with pytest.raises(ImageFileError, match="of memory, and 1 GiB is the limit"):
        open_image(file)


def make_large_webp():
    """A WebP of 16,383 x 16,383 pixels: more than Pillow opens by itself."""
    side = 16_383 - 1
    image = b"VP8L" + struct.pack("<LBL", 5, 0x2F, side | side << 14)
    canvas = b"VP8X" + struct.pack("<LL", 10, 2) + side.to_bytes(3, "little") * 2
    control = b"ANIM" + struct.pack("<LLH", 6, 0, 0)
    image += b"\0"
    frame = b"\0" * 6 + side.to_bytes(3, "little") * 2 + b"\0" * 4 + image
    content = b"WEBP" + canvas + control + b"ANMF" + struct.pack("<L", len(frame)) + frame
    return b"RIFF" + struct.pack("<L", len(content)) + content


def test_the_limit_of_large_webp_images_is_ours(tmp_path, monkeypatch):
    file = tmp_path / "a.webp"
    file.write_bytes(make_large_webp())
    with pytest.raises(ImageFileError, match="of memory, and 1 GiB is the limit"):
        peek_size(file)
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "3G")
    assert peek_size(file) == (16_383, 16_383)
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_sparse_file_is_not_read_into_memory(tmp_path):
    file = tmp_path / "a.webp"
    with file.open("wb") as stream:
        stream.write(b"RIFF\xff\xff\xff\x7fWEBPVP8L")
        stream.truncate(2**33)
    with pytest.raises(ImageFileError, match="of memory, and 1 GiB is the limit"):
        open_image(file)


def test_a_postscript_document_starts_no_program(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", refuse)
    monkeypatch.setattr(EpsImagePlugin.EpsImageFile, "_open", refuse)
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(InputError, match=r"a\.jpg: not an image: it is a PostScript document"):
        open_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "SGI", "DDS"])
def test_formats_that_are_not_named_are_not_tried(tmp_path, kind):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", format=kind)
    with pytest.raises(InputError, match=r"not an image.*images are read in JPEG, PNG"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf <svg width='9'>", "SVG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0" * 600, "only zeros"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
        (b"\0" * 128 + b"DICM", "in DICOM"),
        (b"words", "not an image; images are read in"),
        (b"\xff\xd8\xff\xe0", "not an image in JPEG that can be read"),
        (b"\x89PNG\r\n\x1a\n", "not an image in PNG that can be read"),
        (b"II*\0\xff\xff\xff\xff", "not an image in TIFF that can be read"),
    ],
)
def test_what_a_file_is_instead_is_named(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageFileError, match=rf"a\.jpg: .*{message}") as caught:
        open_image(tmp_path / "a.jpg")
    assert caught.value.kind == "unreadable_image"


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(ImageFileError, match=r"a\.jpg: it is a folder"):
        open_image(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(ImageFileError, match=r"b\.jpg: there is no such file: the link leads to"):
        open_image(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "c.jpg")
    with pytest.raises(ImageFileError, match=r"c\.jpg: it cannot be opened: Too many levels"):
        open_image(tmp_path / "c.jpg")
    os.mkfifo(tmp_path / "d.jpg")
    with pytest.raises(ImageFileError, match=r"d\.jpg: it is a pipe"):
        open_image(tmp_path / "d.jpg")
    with pytest.raises(ImageFileError, match="there is no such file") as caught:
        open_image(tmp_path / "e.jpg")
    assert caught.value.kind == "missing_file"


FORMAT_NAMES = ("a.jpg", "a.png", "a.tif", "a.gif", "a.bmp", "a.webp", "a.jp2", "a.avif")


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_truncated_files_of_all_formats_are_errors_that_name_them(tmp_path, name):
    Image.effect_noise((64, 64), 90).convert("RGB").save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for part in (0.02, 0.3, 0.6):
        (tmp_path / name).write_bytes(content[: int(len(content) * part)])
        with pytest.raises(InputError, match=name):
            open_image(tmp_path / name)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_files_are_read_or_errors_that_name_them(tmp_path, seed):
    chance = random.Random(seed)
    name = chance.choice(FORMAT_NAMES[:-1])
    Image.effect_noise((32, 32), 90).convert("RGB").save(tmp_path / name)
    content = bytearray((tmp_path / name).read_bytes())
    for _ in range(6):
        content[chance.randrange(min(len(content), 400))] = chance.randrange(256)
    (tmp_path / name).write_bytes(bytes(content))
    with contextlib.suppress(ImageFileError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert open_image(tmp_path / name).mode == "RGB"


def test_a_format_without_its_plugin_says_what_to_install(tmp_path, monkeypatch):
    for each in FORMATS:
        if each.name == "HEIC":
            monkeypatch.setattr(type(each), "find_class", lambda _: None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(InputError, match=r"in HEIC, .*pip install 'detection-composer\[heic\]'"):
        open_image(tmp_path / "a.heic")


def test_names_that_are_not_utf8_are_read(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (3, 2)).save(tmp_path / name)
    assert peek_size(tmp_path / name) == (2, 3)


def test_images_inside_other_files_are_opened_within_the_same_limits(tmp_path):
    Image.new("L", (3, 2), 9).save(tmp_path / "a.png")
    with opened_content((tmp_path / "a.png").read_bytes(), "the mask") as image:
        assert image.size == (3, 2)
    for content, message in ((make_bomb(40_000, 35_000), "of memory"), (b"", "it is empty")):
        with (
            pytest.raises(ImageFileError, match=f"the mask: .*{message}"),
            opened_content(content, "the mask"),
        ):
            pass
