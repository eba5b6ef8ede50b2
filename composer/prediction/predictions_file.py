"""A file of predictions that grows image by image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from composer.files import put_in_place

_UNFINISHED = ".part"


class PredictionsFile:
    """One JSON list, written as it grows, so that no prediction waits in memory.

    Until it is finished, the file's name ends in `.part`.

    Args:
        output: the file; or a text stream, which stays open.
    """

    def __init__(self, output: Path | TextIO) -> None:
        self._file = output if isinstance(output, Path) else None
        self._stream = None if isinstance(output, Path) else output
        self._is_empty = True

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Writes entries; they stay, whatever happens afterwards.

        Raises:
            OSError: the file cannot be written.
        """
        if entries:
            text = json.dumps(entries, indent=1)
            self._write(("[\n" if self._is_empty else ",\n") + text[2:-2])  # without brackets
            self._is_empty = False

    def finish(self) -> None:
        """Ends the list, and gives the file its name.

        Raises:
            OSError: the file cannot be written.
        """
        self._write("[]\n" if self._is_empty else "\n]\n")
        if self._file is not None and self._stream is not None:
            self._stream.close()
            put_in_place(Path(self._stream.name), self._file)

    def _write(self, text: str) -> None:
        if self._stream is None:
            assert self._file is not None
            unfinished = self._file.with_name(self._file.name + _UNFINISHED)
            self._stream = unfinished.open("w", encoding="utf-8")
        self._stream.write(text)
        self._stream.flush()
