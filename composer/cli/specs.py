"""`composer specs`: lists the specs that ship, and those of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.output import print_columns
from composer.errors import SpecError

if TYPE_CHECKING:
    from composer.discovery import PublishedSpec


@click.command(short_help="List the specs that ship, and those of plugins.")
def specs() -> None:
    """List the specs that ship with the package and those that plugins publish.

    Their names serve wherever a SPEC is wanted. Nothing is imported.
    """
    from composer.discovery import published_specs, unfound_folders

    rows = [(name, _describe(spec)) for name, spec in published_specs().items()]
    print_columns(rows)
    for message in unfound_folders():
        click.echo(f"warning: {message}", err=True)


def _describe(spec: PublishedSpec) -> str:
    """The first line of a spec's `doc`, and the plugin it is from, if it is from one."""
    from composer.documents import parse_value

    try:
        doc = parse_value(spec.path.read_text(encoding="utf-8"), str(spec.path)).get("doc")
    except (OSError, UnicodeDecodeError, SpecError):
        text = "(cannot be read: `composer check` says why)"
    else:
        text = str(doc.value).strip().partition("\n")[0] if doc is not None and doc.value else ""
    return text if spec.is_shipped else f"{text} [{spec.publication.label}]".strip()
