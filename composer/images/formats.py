"""The formats of image files that are opened, recognised by content and never by name.

Pillow tries some forty formats on a file, and one of them (EPS) starts another program. Only the
formats below are opened, each by its own class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO

from PIL.ImageFile import ImageFile

HEAD_SIZE = 512  # bytes by which a format is recognised

_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1")


@dataclass(frozen=True)
class FileFormat:
    """A format of image files.

    Args:
        name: for messages.
        suffixes: of file names, by which images are found in folders.
        matches: whether the first bytes of a file are of this format.
        classes: where Pillow or a plugin of it has the class, `module:name`; the first that can be
            imported is used.
        install: the distribution to install where none of them can be imported.
        is_read_whole: whether opening reads the whole file into memory.
    """

    name: str
    suffixes: tuple[str, ...]
    matches: Callable[[bytes], bool]
    classes: tuple[str, ...]
    install: str = "pillow"
    is_read_whole: bool = False

    def find_class(self) -> Callable[[IO[bytes], str], ImageFile] | None:
        """Pillow's class for this format; None if neither Pillow nor a plugin has it."""
        for place in self.classes:
            module, _, name = place.partition(":")
            try:
                return getattr(import_module(module), name)
            except (ImportError, AttributeError):
                continue
        return None


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


def _has_brand(brands: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    """Whether a file of ISO 14496-12 has one of these brands, the major one first."""

    def matches(head: bytes) -> bool:
        length = int.from_bytes(head[:4], "big")
        listed = [head[8:12], *(head[at : at + 4] for at in range(16, min(length, 128), 4))]
        return head[4:8] == b"ftyp" and any(brand in brands for brand in listed)

    return matches


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_portable_map(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456fFy" and head[2:3].isspace()


FORMATS = (
    FileFormat(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        _begins(b"\xff\xd8\xff"),
        ("PIL.JpegImagePlugin:JpegImageFile",),
    ),
    FileFormat(
        "PNG", (".png",), _begins(b"\x89PNG\r\n\x1a\n"), ("PIL.PngImagePlugin:PngImageFile",)
    ),
    FileFormat(
        "TIFF",
        (".tif", ".tiff"),
        _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        ("PIL.TiffImagePlugin:TiffImageFile",),
    ),
    FileFormat("GIF", (".gif",), _begins(b"GIF8"), ("PIL.GifImagePlugin:GifImageFile",)),
    FileFormat("BMP", (".bmp",), _begins(b"BM"), ("PIL.BmpImagePlugin:BmpImageFile",)),
    FileFormat(
        "PPM",
        (".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
        _is_portable_map,
        ("PIL.PpmImagePlugin:PpmImageFile",),
    ),
    FileFormat(
        "WebP", (".webp",), _is_webp, ("PIL.WebPImagePlugin:WebPImageFile",), is_read_whole=True
    ),
    FileFormat(
        "JPEG 2000",
        (".jp2", ".j2k", ".jpx"),
        _begins(b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("PIL.Jpeg2KImagePlugin:Jpeg2KImageFile",),
    ),
    FileFormat(
        "AVIF",
        (".avif",),
        _has_brand(_AVIF_BRANDS),
        ("PIL.AvifImagePlugin:AvifImageFile", "pillow_avif.AvifImagePlugin:AvifImageFile"),
        install="pillow-avif-plugin",
        is_read_whole=True,
    ),
    FileFormat(
        "HEIC",
        (".heic", ".heif"),
        _has_brand(_HEIF_BRANDS),
        ("pillow_heif:HeifImageFile", "pi_heif:HeifImageFile"),
        install="detection-composer[heic]",
        is_read_whole=True,
    ),
)

IMAGE_SUFFIXES = tuple(sorted(suffix for each in FORMATS for suffix in each.suffixes))


def has_image_suffix(file: Path) -> bool:
    """Whether a file is an image by its name."""
    return file.suffix.lower() in IMAGE_SUFFIXES


# What people take for images, or find in place of one.
_OTHERS = (
    (b"%!PS", "a PostScript document (EPS)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "a drawing in SVG"),
    (b"<?xml", "an XML document, perhaps a drawing in SVG"),
    (b"<!doctype html", "a web page (HTML), perhaps of a download that was refused"),
    (b"<html", "a web page (HTML), perhaps of a download that was refused"),
    (b"version https://git-lfs", "a pointer of Git LFS; `git lfs pull` gets the file"),
    (b"\xff\x0a", "in JPEG XL"),
    (b"\0\0\0\x0cJXL ", "in JPEG XL"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"qoif", "in QOI"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x89HDF", "in HDF5"),
    (b"SIMPLE  =", "in FITS"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x05\x16\x07", "the resource part of a file from a Mac (AppleDouble)"),
)  # fmt: skip


def find_format(head: bytes) -> FileFormat | None:
    """The format of a file by its first bytes; None if it is none of those that are opened."""
    return next((each for each in FORMATS if each.matches(head)), None)


def find_suffix(content: bytes) -> str | None:
    """The usual ending of names of files with such content; None if it is no image."""
    found = find_format(content[:HEAD_SIZE])
    return None if found is None else found.suffixes[0]


def describe_other(head: bytes) -> str:
    """The content of a file of none of the formats: `a PDF document`; empty if it is unknown."""
    if head[128:132] == b"DICM":
        return "in DICOM"
    if head[4:8] == b"ftyp":
        return "a video"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, description in _OTHERS:
        if head.startswith(start) or text.lower().startswith(start):
            return description
    return "only zeros" if head and not head.strip(b"\0") else ""
