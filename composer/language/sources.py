"""Finds and reads the documents a spec is made of: files, published specs, mappings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from composer.discovery import (
    Homes,
    find_file,
    find_missing_distribution,
    find_published,
    find_version,
    published_specs,
)
from composer.documents import Located, Place, Problem, ProblemLog, locate, read_file
from composer.errors import LocatedProblem, PluginError, SpecError
from composer.files import is_there
from composer.language.referenced_files import read_referenced
from composer.names import did_you_mean

_MAX_HINTS = 200  # references that mean nothing, and are compared with those that do


@dataclass(frozen=True)
class SavedSpec:
    """A spec in a file that this package wrote, such as a checkpoint.

    Its names are qualified; bare ones are of node types that were given in Python.

    Args:
        document: the spec as one plain document.
        file: the file, for messages.
        versions: the distributions that it was saved with, and their versions.
    """

    document: Mapping[str, Any]
    file: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def remark(self) -> str:
        """The versions that the file was saved with, and those that are installed."""
        if not self.versions:
            return ""
        saved = [_compare(name, version) for name, version in sorted(self.versions.items())]
        return f"{self.file} was saved with {', '.join(saved)}."


def _compare(distribution: str, version: str) -> str:
    installed = find_version(distribution)
    if installed == version:
        return f"{distribution} {version}"
    here = "is not installed" if installed is None else f"{installed} is installed"
    return f"{distribution} {version} ({here})"


@dataclass(frozen=True)
class NamedSpec:
    """A spec of values that a name means: a published model, or the folder of another library.

    Args:
        document: the spec as one plain document.
        name: what means it, for messages.
    """

    document: Mapping[str, Any]
    name: str

    @property
    def origin(self) -> str:
        """The source of its places, which is no file."""
        return f"<{self.name}>"


SpecSource = str | os.PathLike[str] | Mapping[str, Any] | SavedSpec | NamedSpec


@dataclass(frozen=True)
class Document:
    """One document as it was written.

    Args:
        root: its values and their places.
        path: the file it was read from, or None for a mapping.
        notes: remarks on the choice of this document among several of its name.
    """

    root: Located
    path: Path | None
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for two documents exactly if they are the same file."""
        return str(self.path.resolve()) if self.path is not None else f"<dict {id(self.root)}>"


def find_document(
    source: SpecSource, log: ProblemLog, place: Place | None = None, *, has_hints: bool = True
) -> Document:
    """Finds a document by its path or name, and reads it.

    Args:
        source: a file, the name of a published spec, or values.
        log: takes problems that do not keep the rest from being read.
        place: where the reference stands; a relative file is looked for beside it first.
        has_hints: whether a name that means nothing is compared with those that mean something.

    Raises:
        SpecError: if there is no such document or it is not YAML.
    """
    if isinstance(source, SavedSpec):
        return Document(locate(source.document, source.file), None)
    if isinstance(source, NamedSpec):
        return Document(locate(source.document, source.origin), None)
    if isinstance(source, Mapping):
        return Document(locate(source, "<dict>"), None)
    try:
        found = find_spec(source, place.source if place is not None and place.line else "")
    except PluginError as error:
        raise SpecError([Problem(place or Place(os.fspath(source)), str(error))]) from None
    if found is None:
        raise SpecError([_not_found(os.fspath(source), place, has_hints=has_hints)])
    notes = (f"{place}: {found.note}" if place else found.note,) if found.note else ()
    if place is None or not place.line:  # the user names it
        return Document(read_file(found.path, log, place), found.path, notes)
    return Document(read_referenced(found.path, log, place), found.path, notes)


class Library:
    """Reads documents that others refer to, each once.

    Args:
        log: takes problems that do not keep the rest from being read.
    """

    def __init__(self, log: ProblemLog) -> None:
        self._log = log
        self._read: dict[tuple[str, str], Document] = {}
        self._failed: dict[tuple[str, str], tuple[Place, SpecError]] = {}

    def read(self, name: Located) -> Document:
        """The document that a reference means.

        Raises:
            SpecError: if there is no such document or it is not YAML.
        """
        key = (name.place.source if name.place.line else "", str(name.value))
        if key in self._failed:
            first, error = self._failed[key]
            raise SpecError([_moved(problem, first, name.place) for problem in error.problems])
        if key not in self._read:
            has_hints = len(self._failed) < _MAX_HINTS
            try:
                self._read[key] = find_document(
                    str(name.value), self._log, name.place, has_hints=has_hints
                )
            except SpecError as error:
                self._failed[key] = name.place, error
                raise
        return self._read[key]


def _moved(problem: LocatedProblem, first: Place, place: Place) -> LocatedProblem:
    """A problem of a reference, at another one to the same document."""
    if problem.place != first:
        return problem
    return Problem(place, problem.message, problem.hint)


class FoundSpec(NamedTuple):
    """The file of a spec.

    Attributes:
        path: the file.
        name: the name that means it wherever it is written: qualified, or the path as written.
        note: a remark on the choice of this one, or an empty text.
    """

    path: Path
    name: str
    note: str = ""


def find_spec(
    source: str | os.PathLike[str], written_in: str = "", near: Path | None = None
) -> FoundSpec | None:
    """The spec that a reference means: a published one, or a file near the document or here.

    A file comes first, unless the name is qualified by a distribution and has no suffix.

    Args:
        source: a file, or a name.
        written_in: the document that names it; empty for a user's own words.
        near: the folder of files; that of the document by default.

    Raises:
        PluginError: if several plugins publish a spec of that name.
    """
    name = os.fspath(source)
    file = find_file(near or (Path(written_in).parent if written_in else Path()), name)
    if file is not None and "/" not in name:
        return FoundSpec(file, name)
    try:
        published = find_published(name, find_home(written_in))
    except PluginError:
        if file is None:
            raise
        published = None
    if file is not None and (published is None or published.qualified != name):
        return FoundSpec(file, name)
    if published is None:
        return None
    return FoundSpec(published.path, published.qualified, published.note)


def find_home(written_in: str) -> str | None:
    """The distribution that a document belongs to; None for a user's own."""
    return Homes.installed().find(written_in) if written_in else None


def suggest_other(name: str, written_in: str) -> str:
    """A hint for a spec that refers to itself by a name that another distribution publishes, too.

    Args:
        name: the name.
        written_in: the document that names it.
    """
    try:
        other = find_published(name)
    except PluginError:
        return ""
    if other is None or other.publication.distribution == find_home(written_in):
        return ""
    return f"'{other.qualified}' is the one of {other.publication.origin}."


def _not_found(name: str, place: Place | None, *, has_hints: bool) -> Problem:
    if not has_hints:
        return Problem(place or Place(name), f"there is no spec '{name}'")
    published = published_specs()
    if missing := find_missing_distribution(name, published):
        message = f"the distribution '{missing}' is not installed, so there is no spec '{name}'"
        return Problem(place or Place(name), message)
    nearby = [] if place is None else _list_nearby(name, place)
    if nearby:
        hint = did_you_mean(name, nearby, "specs there")
    else:
        hint = did_you_mean(name.removesuffix(".yaml"), published, "published specs")
    if place is not None and place.line and _is_folder(Path(place.source).parent / name):
        return Problem(place, f"'{name}' is a folder, not a spec", hint)
    return Problem(place or Place(name), f"there is no spec '{name}'", hint)


def _list_nearby(name: str, place: Place) -> list[str]:
    """The specs of the folder that a reference names, beside the document with the reference."""
    folder = name.rpartition("/")[0]
    inside = Path(place.source).parent / folder
    if not folder or not place.line or not _is_folder(inside):
        return []
    return [f"{folder}/{file.name}" for file in sorted(inside.glob("*.yaml"))]


def _is_folder(path: Path) -> bool:
    return is_there(path) and path.is_dir()
