"""The distributions that a self-describing checkpoint was saved with."""

from __future__ import annotations

import re
from collections.abc import Mapping

from composer.discovery import DISTRIBUTION, find_version
from composer.json_documents import parse_json_document

FORMAT = "composer.format"
PLUGINS = "composer.plugins"
VERSIONS = "composer.versions"
UNQUALIFIED = "1"  # the version whose names are bare, with a label of the plugin for each
LABEL = re.compile(r"\((?P<distribution>\S+) (?P<version>\S+)\)$")


def read_versions(metadata: Mapping[str, str]) -> dict[str, str]:
    """The distributions that a file was saved with, and their versions, where it says so."""
    plugins, versions = (read_texts(metadata, key) for key in (PLUGINS, VERSIONS))
    ours = {name: version for name, version in versions.items() if name == DISTRIBUTION}
    if metadata.get(FORMAT) != UNQUALIFIED:
        return {**ours, **plugins}
    labels = [found for label in plugins.values() if (found := LABEL.search(label))]
    return {**ours, **{label["distribution"]: label["version"] for label in labels}}


def list_namers(metadata: Mapping[str, str]) -> set[str] | None:
    """The distributions whose names a file may have; None if it does not describe itself."""
    return {DISTRIBUTION, *read_versions(metadata)} if FORMAT in metadata else None


def describe_changes(metadata: Mapping[str, str]) -> list[str]:
    """A sentence on distributions of which another version is installed; nothing without any."""
    changed = []
    for name, version in sorted(read_versions(metadata).items()):
        installed = find_version(name)
        if installed not in (None, version):
            changed.append(f"{name} {version} ({installed} is installed)")
    return [f"it was saved with {', '.join(changed)}"] if changed else []


def read_texts(metadata: Mapping[str, str], key: str) -> dict[str, str]:
    """A mapping of texts in metadata; nothing where there is none."""
    try:
        found = parse_json_document(metadata.get(key, "{}"))
    except ValueError:
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in items if isinstance(value, str)}
