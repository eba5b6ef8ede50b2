"""Reads the entry points of a group. The one module that imports `entrypoints`."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import sys
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import entrypoints

from composer.discovery.publication import Publication, normalise

_UNKNOWN = "unknown"
_TARGET = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+))?\s*(?:\[.*\])?\s*")


class _Identity(NamedTuple):
    name: str
    version: str


@cache
def discover(group: str) -> tuple[Publication, ...]:
    """All entry points of a group, clashing names included, sorted by name and distribution.

    An entry point that cannot be parsed is left out; it never hides the others, and `list_damage`
    reports it. Installed distributions are read once.
    """
    try:
        found = list(_parse_group(group))
    except (configparser.Error, UnicodeDecodeError, OSError):
        # One distribution's broken file stops the package's walk over all of them.
        found = list(_one_by_one(group))
    return tuple(sorted(dict.fromkeys(found), key=lambda p: (p.name, p.distribution)))


def _parse_group(group: str) -> Iterator[Publication]:
    for config, distribution in _read_all(tuple(sys.path)):
        for name, value in config.items(group) if config.has_section(group) else ():
            try:
                entry = entrypoints.EntryPoint.from_string(value, name, distribution)
            except entrypoints.BadEntryPoint:
                continue
            yield _publication(entry, group)


@lru_cache(maxsize=1)
def _read_all(path: tuple[str, ...]) -> list[tuple[configparser.ConfigParser, Any]]:
    """The entry points of all distributions on a path, which are read once for all groups."""
    return list(entrypoints.iter_files_distros(list(path)))


def forget_entry_points() -> None:
    """Lets `discover` read again what is installed."""
    discover.cache_clear()
    _read_all.cache_clear()


def list_groups() -> list[tuple[str, str, str]]:
    """The groups of each distribution: its name, its version, and the group.

    Where one distribution's file cannot be read, which `list_damage` reports, there are none.
    """
    try:
        files = _read_all(tuple(sys.path))
    except (configparser.Error, UnicodeDecodeError, OSError):
        return []
    return [
        (normalise(owner.name) if owner else _UNKNOWN, (owner and owner.version) or "", group)
        for parser, owner in files
        for group in parser.sections()
    ]


def list_damage(groups: Collection[str]) -> list[str]:
    """A message for each entry point that cannot be parsed, or file of them.

    Args:
        groups: the groups of entry points that count.
    """
    return [
        f"{' '.join(filter(None, identity))}: {damage}"
        for identity, distribution in _each_distribution()
        for damage in _find_damage(distribution, groups)
    ]


def _find_damage(
    distribution: importlib.metadata.Distribution, groups: Collection[str]
) -> Iterator[str]:
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except (UnicodeDecodeError, OSError) as error:
        yield f"its entry points cannot be read: {error}"
        return
    if not any(group in text for group in groups):
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        reason = " ".join(str(error).replace("<string>", "entry_points.txt").split())
        yield f"its entry points cannot be read: {reason}"
        return
    for group in groups:
        for name, value in parser.items(group) if parser.has_section(group) else ():
            if not _TARGET.fullmatch(value or ""):
                yield f"the entry point '{name}' of {group} is no 'module:object': '{value}'"


def _publication(entry: entrypoints.EntryPoint, group: str) -> Publication:
    name, version = (entry.distro.name, entry.distro.version) if entry.distro else ("unknown", "")
    return Publication(
        entry.name,
        entry.module_name,
        entry.object_name or "",
        normalise(name),
        version or "",
        group,
    )


def _one_by_one(group: str) -> Iterator[Publication]:
    for (name, version), distribution in _each_distribution():
        for entry in _entries(distribution, group):
            match = _TARGET.fullmatch(entry.value or "")
            if match:
                module, attribute = match.groups(default="")
                yield Publication(entry.name, module, attribute, name, version, group)


def _each_distribution() -> Iterator[tuple[_Identity, importlib.metadata.Distribution]]:
    """The installed distributions; of several of one name the first on the path."""
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        identity = _identify(distribution)
        if identity.name not in seen or identity.name == _UNKNOWN:
            seen.add(identity.name)
            yield identity, distribution


def _identify(distribution: importlib.metadata.Distribution) -> _Identity:
    """The name and version, as far as the metadata can be read."""
    try:
        metadata = distribution.metadata
        return _Identity(normalise(metadata["Name"] or _UNKNOWN), metadata["Version"] or "")
    except Exception:  # Python's reader has no error of its own for metadata that is not there
        return _Identity(_UNKNOWN, "")


def _entries(
    distribution: importlib.metadata.Distribution, group: str
) -> list[importlib.metadata.EntryPoint]:
    try:
        return list(distribution.entry_points.select(group=group))
    except Exception:  # Python's parser has no error of its own for files that it cannot parse
        return []
