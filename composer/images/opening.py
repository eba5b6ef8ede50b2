"""Opening image files: a named format, a size within the limits, errors that name the file."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile

from composer.images.deep_samples import SampleRangeError
from composer.images.errors import ImageFileError
from composer.images.formats import FORMATS, HEAD_SIZE, FileFormat, describe_other, find_format
from composer.images.orientation import find_upright_size
from composer.limits import ExpansionError, check_expansion
from composer.regular_files import find_special_kind, open_regular_file

_BYTES_PER_PIXEL = 8  # of 8 bits: Pillow's own four, the array's three and a mask's one
_DEEP_BYTES_PER_PIXEL = 16  # of 16 and 32 bits: a copy in double precision, too
_DEEP_MODES = ("I", "F")
_PIXELS = re.compile(r"\((\d+) pixels\)")  # in what Pillow says of an image beyond its own limit
_BITS_PER_SAMPLE, _PLANES, _SEPARATE, _BITS_OF_A_BYTE = 258, 284, 2, 8
_DEEP_PLANES = (
    "the channels of this TIFF come one after the other and have more than 8 bits, which Pillow "
    "cannot read; `tiffcp -p contig IN OUT` puts them together"
)
_TILE_WIDTH, _TILE_HEIGHT = 322, 323  # tags of TIFF

_pillows_limit = threading.Lock()
_being_read: ContextVar[str | None] = ContextVar("being_read", default=None)


def find_file_being_read() -> str | None:
    """The image file that this thread reads at the moment, for warnings of Pillow."""
    return _being_read.get()


@contextmanager
def opened_image(file: str | os.PathLike[str]) -> Iterator[ImageFile]:
    """Opens an image file without decoding it; what the body raises is about this file, too.

    Args:
        file: a file of one of the `FORMATS`.

    Yields:
        The image, of any mode, not turned. It can be used in the body of the `with` statement.

    Raises:
        ImageFileError: the file is missing, a folder, empty, of another format, larger than
            `composer.limits` allows, truncated or damaged.
    """
    token = _being_read.set(os.fspath(file))
    try:
        with _open_file(file) as stream, _opened_stream(stream, file) as image:
            yield image
    finally:
        _being_read.reset(token)


@contextmanager
def opened_content(content: bytes, name: str) -> Iterator[ImageFile]:
    """Opens an image that another file contains, as `opened_image` opens a file.

    Args:
        content: the bytes of the image.
        name: for messages.

    Raises:
        ImageFileError: as of `opened_image`.
    """
    with _opened_stream(io.BytesIO(content), name) as image:
        yield image


@contextmanager
def _opened_stream(stream: IO[bytes], file: str | os.PathLike[str]) -> Iterator[ImageFile]:
    image = _open_stream(stream, file)
    try:
        yield image
    except ImageFileError:
        raise
    except SampleRangeError as error:
        raise ImageFileError(file, "unreadable_image", str(error)) from None
    except MemoryError:
        reason = f"no memory is left for {image.width} x {image.height} pixels"
        raise ImageFileError(file, "truncated_image", reason) from None
    except Exception as error:  # a file can break a decoder in ways that nobody has listed
        reason = f"the image cannot be read: {_describe(error)}"
        raise ImageFileError(file, "truncated_image", reason) from error


def peek_size(file: str | os.PathLike[str]) -> tuple[int, int]:
    """The upright (height, width) of an image from the head of its file.

    Raises:
        ImageFileError: as of `opened_image`.
    """
    with opened_image(file) as image:
        return find_upright_size(image)


def _open_file(file: str | os.PathLike[str]) -> IO[bytes]:
    try:
        return open_regular_file(file)
    except FileNotFoundError:
        raise ImageFileError(file, "missing_file", _describe_missing(Path(file))) from None
    except (OSError, ValueError) as error:
        kind = find_special_kind(file)
        reason = f"it cannot be opened: {_describe(error)}"
        if kind is not None:
            reason = f"it is {kind}, not an image file"
        raise ImageFileError(file, "unreadable_image", reason) from None


def _describe_missing(file: Path) -> str:
    try:
        if file.is_symlink():
            return f"there is no such file: the link leads to {os.readlink(file)}"
    except OSError:
        pass
    return "there is no such file"


def _open_stream(stream: IO[bytes], file: str | os.PathLike[str]) -> ImageFile:
    """Opens the file by its format, and checks its size."""
    head = stream.read(HEAD_SIZE)
    stream.seek(0)
    file_format = find_format(head)
    if file_format is None:
        raise ImageFileError(file, "unreadable_image", _describe_content(head))
    make = file_format.find_class()
    if make is None:
        reason = (
            f"it is an image in {file_format.name}, for which Pillow needs a plugin: "
            f"pip install '{file_format.install}'"
        )
        raise ImageFileError(file, "unreadable_image", reason)
    size, size_on_disk = _find_sizes(stream)
    whole = size if file_format.is_read_whole else 0
    _check_expansion(file, size_on_disk, whole)
    try:
        image = _make(make, stream, lambda needed: _check_expansion(file, size_on_disk, needed))
    except ImageFileError:
        raise
    except Exception as error:  # a file can break a parser in ways that nobody has listed
        reason = _describe_unopened(file_format, error)
        raise ImageFileError(file, "unreadable_image", reason) from error
    _check_expansion(file, size_on_disk, whole + _estimate_bytes(image))
    if _has_deep_planes(image):
        raise ImageFileError(file, "unreadable_image", _DEEP_PLANES)
    return image


def _has_deep_planes(image: ImageFile) -> bool:
    """Whether a TIFF has channels one after the other, of more than 8 bits.

    Pillow takes the bytes of their samples for samples.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE)  # a tuple if there are several channels
    several = bits if isinstance(bits, tuple) and len(bits) > 1 else ()
    is_deep = any(_to_int(each) > _BITS_OF_A_BYTE for each in several)
    return is_deep and tags.get(_PLANES) == _SEPARATE


def _make(
    make: Callable[[IO[bytes], str], ImageFile], stream: IO[bytes], check: Callable[[int], None]
) -> ImageFile:
    """Makes an image of a file, also of more pixels than Pillow's own limit, if ours allows it."""
    try:
        return make(stream, "")  # with a name, Pillow would map the file into memory
    except Image.DecompressionBombError as error:
        pixels = _PIXELS.search(str(error))
        if pixels is None:
            raise
        check(int(pixels[1]) * _BYTES_PER_PIXEL)
        stream.seek(0)
        with _without_pillows_limit():
            return make(stream, "")


@contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Lifts Pillow's limit, which is one of the whole process, for the time of opening a file."""
    with _pillows_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _describe_content(head: bytes) -> str:
    if not head:
        return "not an image: it is empty"
    other = describe_other(head)
    known = ", ".join(each.name for each in FORMATS)
    return f"not an image{f': it is {other}' if other else ''}; images are read in {known}"


def _describe_unopened(file_format: FileFormat, error: Exception) -> str:
    """The reason why Pillow cannot open a file whose first bytes are right."""
    reason = _describe(error)
    if reason == "unknown pixel mode":
        reason = "of a kind of pixels that Pillow cannot read, such as floating point in colour"
    return f"not an image in {file_format.name} that can be read: {reason}"


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _find_sizes(stream: IO[bytes]) -> tuple[int, int]:
    """Bytes of a file, and those that it takes on the disk, which are fewer if it has holes."""
    if isinstance(stream, io.BytesIO):
        return len(stream.getbuffer()), len(stream.getbuffer())
    status = os.fstat(stream.fileno())
    blocks = getattr(status, "st_blocks", None)
    on_disk = status.st_size if blocks is None else min(status.st_size, blocks * 512)
    return status.st_size, on_disk


def _estimate_bytes(image: ImageFile) -> int:
    """Memory that decoding and converting will take."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})  # a tile of TIFF may be larger than its image
    width, height = (
        max(width, _to_int(tags.get(_TILE_WIDTH))),
        max(height, _to_int(tags.get(_TILE_HEIGHT))),
    )
    is_deep = image.mode.startswith(_DEEP_MODES)
    return width * height * (_DEEP_BYTES_PER_PIXEL if is_deep else _BYTES_PER_PIXEL)


def _to_int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _check_expansion(file: str | os.PathLike[str], size: int, needed: int) -> None:
    try:
        check_expansion(file, size=size, needed=needed)
    except ExpansionError as error:
        reason = str(error).removeprefix(f"{os.fspath(file)}: ")  # our own message has the name
        raise ImageFileError(file, "unreadable_image", reason) from None
