"""What is published in a group of entry points, as a list."""

from __future__ import annotations

from composer.cli.output import print_columns
from composer.registry import Registry


def list_publications(group: str) -> None:
    """Prints the names of a group, with their plugins. Nothing is imported."""
    registry = Registry.installed(group)
    names = [publication.name for publication in registry.publications]
    rows = [(registry.what, "plugin", "distribution")]
    for publication in registry.publications:
        origin = f"{publication.distribution} {publication.version}"
        if names.count(publication.name) > 1:
            origin += f", clash: write {publication.plugin}/{publication.name}"
        rows.append((publication.name, publication.plugin, origin))
    print_columns(rows)
