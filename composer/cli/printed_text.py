"""The way from a command's text to the terminal.

File names, class names, metadata of checkpoints and specs are text from strangers. On a terminal,
control characters in it would move the cursor, change colours or titles, or reverse the order of
letters; and names of files that are not UTF-8 cannot be encoded at all. So that no command has to
think of it, everything that is printed goes through one stream, which writes such characters as
escapes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from composer.escapes import escape_controls, escape_name
from composer.files import errors_named


class PrintedStream:
    """A text stream that writes control characters as escapes.

    A carriage return at the start or end of what is written at once passes: progress bars begin
    their line again with it.

    Args:
        stream: the stream of the process.
        name: what it is called where it cannot be written.
    """

    def __init__(self, stream: TextIO, name: str = "standard output") -> None:
        self._stream, self._name = stream, name

    def write(self, text: str) -> int:
        """Writes a text."""
        if not isinstance(text, str):
            raise TypeError(f"text is written, not {type(text).__name__}")
        core = text.strip("\r")
        if core:
            before, _, after = text.partition(core)
            encoding = self._stream.encoding or "utf-8"
            known = escape_controls(core).encode(encoding, "backslashreplace").decode(encoding)
            text = before + known + after
        with errors_named(self._name):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hands on what was written."""
        with errors_named(self._name):
            self._stream.flush()

    def writelines(self, lines: list[str]) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # bytes would pass by
            raise AttributeError(name)
        return getattr(self._stream, name)


@contextmanager
def printing_plainly() -> Iterator[None]:
    """Lets all that is printed in the body of the `with` statement go through `PrintedStream`.

    Warnings are one line without a line of source; those of Pillow name the file that is read.
    """
    streams, format_long = (sys.stdout, sys.stderr), warnings.formatwarning
    sys.stdout = PrintedStream(streams[0])
    sys.stderr = PrintedStream(streams[1], "standard error")
    warnings.formatwarning = _format_warning
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        warnings.formatwarning = format_long


def _format_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001 - Python's own function has these
    filename: str,
    lineno: int,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> str:
    file = None
    if Path(filename).parent.name == "PIL":
        from composer.images import find_file_being_read

        file = find_file_being_read()
    return f"warning: {f'{escape_name(file)}: ' if file else ''}{message}\n"
