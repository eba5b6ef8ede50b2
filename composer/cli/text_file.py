"""Text files that commands write."""

from __future__ import annotations

from pathlib import Path


def write_text_file(path: str | Path, text: str) -> None:
    """Writes a file, and makes the folders that it is to be in.

    Raises:
        OSError: the file or a folder cannot be written.
    """
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
