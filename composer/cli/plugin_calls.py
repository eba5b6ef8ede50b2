"""What is published in a group whose entries are called with a configuration only."""

from __future__ import annotations

import inspect

import click

from composer.cli.columns import print_columns
from composer.cli.node_type import list_configuration, print_section
from composer.node.parameters import call_model
from composer.registry import Registry


def list_calls(group: str) -> None:
    """Prints the names of a group, with their plugins. Nothing is imported."""
    registry = Registry.installed(group)
    rows = [(registry.what, "plugin", "distribution")]
    for publication in registry.publications:
        origin = f"{publication.distribution} {publication.version}"
        rows.append((publication.name, publication.plugin, origin))
    print_columns(rows)


def describe_call(group: str, name: str) -> None:
    """Prints what one of a group does, and its configuration.

    Raises:
        NameResolutionError: if nothing publishes the name.
        PluginError: if two plugins do, or its plugin fails to import.
    """
    registry = Registry.installed(group)
    publication = registry.find(name)
    target = registry.load(name)
    model = call_model(target, f"a {registry.what}")
    click.echo(name if publication is None else f"{name}  {publication.label}")
    click.echo()
    doc = inspect.getdoc(target) or ""
    click.echo(doc.partition("\nArgs:")[0].strip() or "It says nothing about itself.")
    print_section("configuration", list_configuration(model))
