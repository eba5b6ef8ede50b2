"""Where `composer predict` writes down what is found, image by image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from composer.files import put_in_place

_UNFINISHED = ".part"


class PredictionsFile:
    """One JSON list, written as it grows, so that nothing that was found waits in memory.

    Until it is finished, the file's name ends in `.part`.

    Args:
        file: the file; None prints the list.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stream: TextIO | None = None
        self._is_empty = True

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Writes entries down; what was written before stays, whatever happens from now on.

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
        if self._file is None:
            click.echo(text, nl=False)
            return
        if self._stream is None:
            unfinished = self._file.with_name(self._file.name + _UNFINISHED)
            self._stream = unfinished.open("w", encoding="utf-8")
        self._stream.write(text)
        self._stream.flush()
