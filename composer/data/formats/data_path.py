"""A folder or file that may be a dataset: its files, listed once, and a look into them."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from composer.data.xml_file import decode_xml
from composer.errors import InputError
from composer.files import is_there
from composer.images import IMAGE_SUFFIXES, is_passed_over
from composer.regular_files import find_special_kind, open_regular_file
from composer.text_files import TextEncodingError, TextFileError, read_text_bytes

_DEEPEST = 6  # folders below the one that is looked at
_WHOLE = 4 << 20  # bytes up to which a JSON file is read as a whole
_HEAD = 256 << 10  # bytes that are read of a larger one
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|["\[\]{},]', re.DOTALL)
_FEW = 3  # files of a kind that are opened in each folder
_FEW_ENOUGH = 24  # files of a kind in a folder that are all opened


@dataclass(frozen=True)
class DataPath:
    """A folder or file, and the files in it.

    Args:
        path: the folder or file.
        files: paths of all files; of a file, itself alone.
        image_folder: the folder of the images, where it is named beside the path.
    """

    path: Path
    files: tuple[Path, ...]
    image_folder: Path | None = None
    _documents: dict[Path, Any] = field(default_factory=dict, compare=False)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @property
    def folder(self) -> Path:
        """The folder, or that of the file."""
        return self.path if self.is_folder else self.path.parent

    @cached_property
    def images(self) -> tuple[Path, ...]:
        """The image files of the folder."""
        return self.with_suffix(*IMAGE_SUFFIXES)

    def with_suffix(self, *suffixes: str) -> tuple[Path, ...]:
        """The files with one of some suffixes, in any case."""
        return tuple(file for file in self.files if file.suffix.lower() in suffixes)

    def named(self, *names: str) -> tuple[Path, ...]:
        """The files with one of some names, those of higher folders first."""
        found = [file for file in self.files if file.name.lower() in names]
        return tuple(sorted(found, key=lambda file: (len(file.parts), file)))

    def sample(self, *suffixes: str) -> Iterator[Path]:
        """The files with one of some suffixes: all of a folder that has few, else the first."""
        by_folder: dict[Path, list[Path]] = defaultdict(list)
        for file in self.with_suffix(*suffixes):
            by_folder[file.parent].append(file)
        for files in by_folder.values():
            yield from files if len(files) <= _FEW_ENOUGH else files[:_FEW]

    def json_documents(self) -> Iterator[tuple[Path, Any]]:
        """A sample of the JSON files and what they contain; of large files, the beginning."""
        for file in self.sample(".json"):
            if file not in self._documents:
                self._documents[file] = peek_json(file)
            if self._documents[file] is not None:
                yield file, self._documents[file]

    def relative(self, file: Path) -> str:
        """A file's path below the folder, for messages."""
        return file.relative_to(self.folder).as_posix()


def open_path(path: str | os.PathLike[str], image_folder: Path | None = None) -> DataPath:
    """Lists a folder or file; hidden files and folders are passed over.

    Args:
        path: the folder or file.
        image_folder: the folder of the images, where it is named beside the path.

    Raises:
        InputError: there is no such file or folder, or it is a pipe or a device.
    """
    found = Path(path)
    if found.is_dir():
        return DataPath(found, tuple(_list_files(found)), image_folder)
    if not is_there(found):
        raise InputError(f"{found}: there is no such file or folder")
    if (kind := find_special_kind(found)) is not None:
        raise InputError(f"{found}: it is {kind}, neither a file nor a folder")
    return DataPath(found, (found,), image_folder)


def _list_files(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        inner[:] = sorted(n for n in inner if depth < _DEEPEST and not is_passed_over(n))
        for name in sorted(names):
            if not is_passed_over(name):
                yield Path(folder, name)


def peek_text(file: Path, num_lines: int = 20) -> list[str]:
    """The first lines of a text file; none if it is no text."""
    try:
        with open_regular_file(file) as stream:
            content = stream.read(_HEAD)
        return _decode(content).splitlines()[:num_lines]
    except (OSError, TextEncodingError):
        return []


def explain_text(file: Path) -> str:
    """Why a file is no text that can be read; empty if it is."""
    try:
        decode_xml(read_text_bytes(file))
    except TextFileError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def _decode(content: bytes) -> str:
    """The text of the beginning of a file, which may end within a character.

    The encoding that XML declares counts; no other text has such a declaration.

    Raises:
        TextEncodingError: it is no text.
    """
    for end in range(4):
        try:
            return decode_xml(content[: len(content) - end])
        except TextEncodingError as error:
            wrong = error
    raise wrong


def peek_json(file: Path) -> Any:
    """The content of a JSON file, or of its beginning where it is large; None if it is none."""
    try:
        return _read_json(file)
    except (OSError, ValueError, RecursionError):
        return None


def explain_json(file: Path) -> str:
    """Why a file is no JSON; empty if it is."""
    try:
        _read_json(file)
    except TextEncodingError as error:
        return str(error)
    except json.JSONDecodeError as error:
        return f"it is no JSON: {error}"
    except RecursionError:
        return "it is no JSON of data: it is nested too deeply"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def _read_json(file: Path) -> Any:
    size = file.stat().st_size
    with open_regular_file(file) as stream:
        text = _decode(stream.read() if size <= _WHOLE else stream.read(_HEAD))
    return json.loads(text if size <= _WHOLE else complete_json(text))


def complete_json(text: str) -> str:
    """The beginning of a JSON text, cut after its last whole entry, with its brackets closed."""
    closing: list[str] = []
    end, open_then = 0, ""
    for token in _TOKENS.finditer(text):
        mark = token.group()
        if mark == '"':  # of a text that does not end
            break
        if mark in "[{":
            closing.append("]" if mark == "[" else "}")
        elif mark in "]}" and closing:
            closing.pop()
        elif mark == ",":
            end, open_then = token.start(), "".join(reversed(closing))
    return text[:end] + open_then
