"""Text files in the encodings that people's editors write: UTF-8, and UTF-16 with its mark."""

from __future__ import annotations

import codecs
import os

from composer.limits import ExpansionError, describe_excess
from composer.memory import available_memory
from composer.regular_files import open_regular_file

# The mark of UTF-32 begins with that of UTF-16, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_COPIES = 3  # its bytes, its characters, and the lines or values that are made of those


class TextFileError(ValueError):
    """A file cannot be taken as text; the message says why, without the file's name."""


class TextEncodingError(TextFileError):
    """A file is no text in a known encoding."""


class TextSizeError(TextFileError):
    """A text is too large for the memory at hand."""


def read_text_file(path: str | os.PathLike[str]) -> str:
    """Reads a text file; see `decode_text`.

    Raises:
        OSError: the file cannot be read.
        TextFileError: it is no text in UTF-8 or UTF-16, or too large.
    """
    return decode_text(read_text_bytes(path))


def read_text_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a text file, of which none are read if they are too many.

    Raises:
        OSError: the file cannot be read.
        TextSizeError: its text would take more memory than is at hand.
    """
    with open_regular_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            excess = describe_excess(size, _COPIES * size, available_memory())
        except ExpansionError as error:
            raise TextSizeError(str(error)) from None
        if excess:
            raise TextSizeError(excess)
        return stream.read()


def decode_text(content: bytes) -> str:
    """The text of a file in UTF-8, or of one whose byte order mark names another encoding.

    A mark is no part of the text, and line ends become line feeds.

    Raises:
        TextEncodingError: it is in another encoding.
    """
    encoding = find_marked_encoding(content) or _guess_wide(content) or "utf-8"
    return _decode(content, encoding).replace("\r\n", "\n").replace("\r", "\n")


def find_marked_encoding(content: bytes) -> str | None:
    """The encoding that a byte order mark names; None if there is no mark."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)


def _guess_wide(content: bytes) -> str | None:
    """UTF-16 without a mark, where it begins with two characters of ASCII."""
    is_zero = [byte == 0 for byte in content[:4]]
    if is_zero == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if is_zero == [True, False, True, False] else None


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        line = content.count(b"\n", 0, error.start) + 1
        raise TextEncodingError(
            f"it is not {name} text (byte {error.start}, in line {line}); save it as UTF-8"
        ) from None
