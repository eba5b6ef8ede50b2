"""`composer specs`: lists specs, or the values of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.model_argument import read_spec_argument
from composer.cli.output import print_columns
from composer.errors import SpecError

if TYPE_CHECKING:
    from composer.discovery import PublishedSpec


@click.command(short_help="List specs, or the values of one that can be set.")
@click.argument("name", required=False, metavar="[NAME]")
def specs(name: str | None) -> None:
    """List the specs that ship with the package and those that plugins publish.

    Their names serve wherever a SPEC is expected. Nothing is imported.

    With NAME, which may be that of any model, list the values of its spec that can be set: short
    names, params, and the configuration of every node by its address, each with its value and
    meaning.
    """
    if name is None:
        _list_specs()
    else:
        _list_values(name)


def _list_values(name: str) -> None:
    from composer.construction import check_source, list_aliases, list_configuration, list_params

    source = read_spec_argument(name, ())
    blueprint = check_source(source.spec, set=source.settings)
    sections = {
        "short names": list_aliases(blueprint),
        "params, and where they go": list_params(blueprint),
        **list_configuration(blueprint),
    }
    for title, values in sections.items():
        if values:
            click.echo(title)
            print_columns(values, indent=2)


def _list_specs() -> None:
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
