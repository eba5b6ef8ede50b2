"""Checksums of the files of a folder, so that a flipped bit does not pass for a weight."""

from __future__ import annotations

import hashlib
from pathlib import Path

from composer.errors import CheckpointError
from composer.files import write_json
from composer.json_documents import read_json_document
from composer.regular_files import open_regular_file

CHECKSUMS = "checksums.json"
_ALGORITHM = "sha256"
_BLOCK = 1 << 20  # bytes


def write_checksums(folder: Path) -> None:
    """Writes the checksums of all files in a folder into it.

    Raises:
        OSError: a file cannot be read, or the checksums cannot be written.
    """
    sums = {file.name: _hash(file) for file in sorted(folder.iterdir())}
    write_json(folder / CHECKSUMS, {_ALGORITHM: sums}, indent=1)


def check_checksums(folder: Path) -> None:
    """Compares the files in a folder with the checksums in it.

    Raises:
        CheckpointError: a file is missing, differs or cannot be read, or there are no checksums.
    """
    try:
        sums = read_json_document(folder / CHECKSUMS)[_ALGORITHM]
        wrong = [name for name, found in sums.items() if _hash(folder / name) != found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"{CHECKSUMS} is damaged"
        file = getattr(error, "filename", None) or folder
        raise CheckpointError(f"{file}: cannot be checked: {reason}") from error
    if wrong:
        raise CheckpointError(
            f"{folder / wrong[0]}: damaged: its content differs from what was written (by its "
            f"{_ALGORITHM} in {CHECKSUMS})"
        )


def _hash(file: Path) -> str:
    found = hashlib.new(_ALGORITHM)
    with open_regular_file(file) as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
