"""A file that is not whole yet, and what says whether it can be continued."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from composer.files import errors_named, put_in_place, write_json
from composer.json_documents import read_json_document

_UNFINISHED = ".part"


class PartialFile:
    """The beginning of a file, which a later process can continue.

    A validator (an ETag, say) is kept beside it: only what has the same one is its continuation.

    Args:
        target: the file that it will be.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}{_UNFINISHED}")
        self._state = target.with_name(f".{target.name}{_UNFINISHED}.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def validator(self) -> str:
        """The validator of what is there; empty if it cannot be continued."""
        try:
            found = read_json_document(self._state)
            return str(found["validator"]) if self.size else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def begin(self, validator: str) -> None:
        """Begins an empty file.

        Raises:
            OSError: it cannot be written.
        """
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._state, {"validator": validator})
        self.open().close()

    def open(self) -> BinaryIO:
        """The file, to be written on at its end.

        Raises:
            OSError: it cannot be written.
        """
        with errors_named(self.target):
            return self.path.open("ab")

    def discard(self) -> None:
        """Removes what is there."""
        for path in (self.path, self._state):
            with suppress(FileNotFoundError):
                path.unlink()

    def finish(self) -> None:
        """Gives the whole file its name.

        Raises:
            OSError: it cannot be flushed or renamed.
        """
        put_in_place(self.path, self.target)
        self.discard()
