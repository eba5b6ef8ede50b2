"""Reads the entry points of a group. The one module that imports `entrypoints`."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import warnings
from collections.abc import Iterator
from functools import cache

import entrypoints

from composer.discovery.publication import Publication, normalise

_TARGET = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+))?\s*(?:\[.*\])?\s*")


@cache
def discover(group: str) -> tuple[Publication, ...]:
    """All entry points of a group, clashing names included, sorted by name and plugin.

    An entry point that cannot be parsed is left out; it never hides the others. Installed
    distributions are read once.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", entrypoints.BadEntryPoint)
            found = [_publication(entry) for entry in entrypoints.get_group_all(group)]
    except (configparser.Error, UnicodeDecodeError, OSError):
        # One distribution's broken file stops the package's walk over all of them.
        found = list(_one_by_one(group))
    return tuple(sorted(found, key=lambda p: (p.name, p.distribution)))


def _publication(entry: entrypoints.EntryPoint) -> Publication:
    name, version = (entry.distro.name, entry.distro.version) if entry.distro else ("unknown", "")
    attribute = entry.object_name or ""
    return Publication(entry.name, entry.module_name, attribute, normalise(name), version)


def _one_by_one(group: str) -> Iterator[Publication]:
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        name = normalise(distribution.metadata["Name"] or "unknown")
        if name in seen:
            continue
        seen.add(name)
        for entry in _entries(distribution, group):
            match = _TARGET.fullmatch(entry.value or "")
            if match:
                module, attribute = match.groups(default="")
                yield Publication(entry.name, module, attribute, name, distribution.version)


def _entries(
    distribution: importlib.metadata.Distribution, group: str
) -> list[importlib.metadata.EntryPoint]:
    try:
        return list(distribution.entry_points.select(group=group))
    except Exception:  # Python's parser has no error of its own for files that it cannot parse
        return []
