"""Finds and reads the documents a spec is made of: files, published specs, mappings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.discovery import find_file, find_published, published_specs
from composer.documents import Located, Place, Problem, ProblemLog, locate, read_file
from composer.errors import PluginError, SpecError
from composer.language.referenced_files import read_referenced
from composer.names import did_you_mean

SpecSource = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """One document as it was written.

    Args:
        root: its values and their places.
        path: the file it was read from, or None for a mapping.
    """

    root: Located
    path: Path | None

    @property
    def key(self) -> str:
        """The same for two documents exactly if they are the same file."""
        return str(self.path.resolve()) if self.path is not None else f"<dict {id(self.root)}>"


def find_document(source: SpecSource, log: ProblemLog, place: Place | None = None) -> Document:
    """Finds a document by its path or name, and reads it.

    Args:
        source: a file, the name of a published spec, or a mapping.
        log: takes problems that do not keep the rest from being read.
        place: where the reference stands; a relative file is looked for beside it first.

    Raises:
        SpecError: if there is no such document or it is not YAML.
    """
    if isinstance(source, Mapping):
        return Document(locate(source, "<dict>"), None)
    near = Path(place.source).parent if place is not None and place.line else None
    try:
        path = find_spec(source, near)
    except PluginError as error:
        raise SpecError([Problem(place or Place(os.fspath(source)), str(error))]) from None
    if path is None:
        raise SpecError([_not_found(os.fspath(source), place)])
    if place is None or not place.line:  # the user names it
        return Document(read_file(path, log, place), path)
    return Document(read_referenced(path, log, place), path)


class Library:
    """Reads documents that others refer to, each once.

    Args:
        log: takes problems that do not keep the rest from being read.
    """

    def __init__(self, log: ProblemLog) -> None:
        self._log = log
        self._read: dict[tuple[str, str], Document] = {}

    def read(self, name: Located) -> Document:
        """The document that a reference means.

        Raises:
            SpecError: if there is no such document or it is not YAML.
        """
        key = (name.place.source if name.place.line else "", str(name.value))
        if key not in self._read:
            self._read[key] = find_document(str(name.value), self._log, name.place)
        return self._read[key]


def find_spec(source: str | os.PathLike[str], near: Path | None = None) -> Path | None:
    """The file that a reference means: near the referring file, else here, or a published one.

    Raises:
        PluginError: if several plugins publish a spec of that name.
    """
    name = os.fspath(source)
    return find_file(near or Path(), name) or find_published(name, near)


def _not_found(name: str, place: Place | None) -> Problem:
    hint = did_you_mean(name.removesuffix(".yaml"), published_specs(), "published specs")
    return Problem(place or Place(name), f"there is no spec '{name}'", hint)
