"""The error of an image file that cannot be used."""

from __future__ import annotations

import os
from typing import Literal

from composer.errors import InputError
from composer.escapes import escape_name

ImageFileKind = Literal["missing_file", "unreadable_image", "truncated_image"]


class ImageFileError(InputError):
    """An image file is missing, of an unknown format, too large or damaged.

    Args:
        file: the file; the message begins with it.
        kind: the kind of fault. A truncated image has a head in order and pixels that are not.
        reason: what is wrong, and what would be right.
    """

    def __init__(self, file: str | os.PathLike[str], kind: ImageFileKind, reason: str) -> None:
        self.file, self.kind, self.reason = os.fspath(file), kind, reason
        super().__init__(f"{escape_name(self.file)}: {reason}")
