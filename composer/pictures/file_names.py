"""What the files of pictures are called."""

from __future__ import annotations

from collections.abc import Collection


def choose_file_name(stem: str, suffix: str, taken: Collection[str]) -> str:
    """A name for a file, with a number from 2 on where another file has it already.

    Args:
        stem: what it is to be called, without a suffix.
        suffix: with its dot.
        taken: the names of the other files of the folder.
    """
    number, name = 1, f"{stem}{suffix}"
    while name in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    return name
