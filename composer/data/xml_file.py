"""XML files of annotations, in any encoding that they declare, and without document types."""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NoReturn

from composer.data.faults import BadPart
from composer.text_files import (
    TextEncodingError,
    TextFileError,
    decode_text,
    find_marked_encoding,
    read_text_bytes,
)

_DECLARATION = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z][\w.-]{0,40})[\"']")


def parse_xml(file: Path) -> ET.Element:
    """Reads an XML document without declarations of its own, so that nothing in it can unfold.

    Raises:
        BadPart: it cannot be read, is no XML, or declares a document type.
    """
    try:
        content = read_text_bytes(file)
    except OSError as error:
        raise BadPart("missing_file", f"{file}: cannot be read: {error.strerror}") from None
    except TextFileError as error:
        raise BadPart("malformed", f"{file}: {error}") from None
    if not content.strip():
        raise BadPart("malformed", f"{file}: the file is empty")
    try:
        return _parse(decode_xml(content))
    except (TextEncodingError, _DoctypeError, ET.ParseError) as error:
        begin = "not XML: " if isinstance(error, ET.ParseError) else ""
        raise BadPart("malformed", f"{file}: {begin}{error}") from None


class _DoctypeError(ValueError):
    """The document declares a type, whose entities could unfold to any size."""


class _PlainTree(ET.TreeBuilder):
    """A tree of elements without namespaces, which no format of annotations has.

    A document type ends it before any of its entities is declared.
    """

    def start(self, tag: str, attributes: dict[str, str], /) -> ET.Element:
        """Opens an element under its local name."""
        return super().start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str, /) -> ET.Element:
        """Closes an element."""
        return super().end(tag.rpartition("}")[2])

    def doctype(self, *_declared: object) -> NoReturn:
        """Refuses a document type."""
        raise _DoctypeError("it declares a document type, which is refused")


def _parse(text: str) -> ET.Element:
    parser = ET.XMLParser(target=_PlainTree())  # noqa: S314 - without a document type no entities
    parser.feed(text)
    root: ET.Element = parser.close()
    return root


def decode_xml(content: bytes) -> str:
    """The text in the encoding that a mark or the declaration names, or else in UTF-8.

    Raises:
        TextEncodingError: it is in another encoding, or the declared one is unknown.
    """
    declared = _DECLARATION.match(content)
    if find_marked_encoding(content) is not None or declared is None:
        return decode_text(content)
    name = declared[1].decode("ascii")
    try:
        if not codecs.lookup(name)._is_text_encoding:  # such as zip, which decodes to bytes
            raise LookupError
        return content.decode(name)
    except LookupError:
        raise TextEncodingError(f"it declares the unknown encoding '{name}'") from None
    except ValueError:
        raise TextEncodingError(f"it is not in the encoding '{name}' that it declares") from None
