"""Images that files of annotations contain: they are kept as files in the cache."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from composer.cache_folders import find_cache_folder
from composer.data.faults import BadPart
from composer.files import write_bytes
from composer.images import find_suffix

_KIND = "images"


def keep_encoded_image(written: object, stem: str) -> Path:
    """The file of an image in base64; see `keep_image`.

    Raises:
        BadPart: it is no image in base64, or the cache cannot be written.
    """
    if not isinstance(written, str):
        raise BadPart("malformed", "an image in a JSON file is a text in base64")
    try:
        content = base64.b64decode(written)
    except ValueError as error:
        raise BadPart("malformed", f"the image in the JSON file is no base64: {error}") from None
    return keep_image(content, stem)


def keep_image(content: bytes, stem: str) -> Path:
    """The file of an image in the cache, which is written where it is not there yet.

    Args:
        content: the bytes of the image, in any format that is read.
        stem: name of the file, without an ending.

    Raises:
        BadPart: it is no image, or the cache cannot be written.
    """
    suffix = find_suffix(content)
    if suffix is None:
        raise BadPart("unreadable_image", "what the file of annotations contains is no image")
    digest = hashlib.sha256(content).hexdigest()
    file = find_cache_folder(_KIND) / digest[:2] / digest[2:] / f"{stem}{suffix}"
    try:
        if not file.is_file():
            write_bytes(file, content)
    except OSError as error:
        message = f"the image in the file of annotations cannot be kept in {file}: {error.strerror}"
        raise BadPart("unreadable_image", message) from None
    return file
