"""Everything about one node type, from its own signatures and docstring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from composer.cli.output import print_columns
from composer.node import describe_field, describe_type, read_contract
from composer.node.port_matching import meaning
from composer.registry import Publication, Registry


def describe_node_type(name: str) -> None:
    """Prints what a node type does, its ports and its configuration.

    Raises:
        NameResolutionError: if nothing publishes the name.
        PluginError: if two plugins do, its plugin fails to import, or it is no node type.
    """
    registry = Registry.installed()
    publication = registry.find(name)
    contract = read_contract(registry.load(name))
    print_heading(name, publication, contract.doc)
    ports = [(p.name, *_port_type(p.type, p.optional)) for p in contract.inputs.values()]
    print_section("inputs", ports)
    outputs = [(port, *_port_type(kind)) for port, kind in contract.outputs.items()]
    print_section("outputs", outputs)
    print_section("configuration", list_configuration(contract.config))
    if contract.draws:
        click.echo("\nIt draws from a random generator of its own.")


def print_heading(name: str, publication: Publication | None, doc: str) -> None:
    """Prints the name of something, who publishes it, and its docstring up to `Args`."""
    click.echo(name if publication is None else f"{name}  {publication.label}")
    click.echo()
    click.echo(doc.partition("\nArgs:")[0].strip() or "It says nothing about itself.")


def print_section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Prints rows below a title; nothing where there are none."""
    if rows:
        click.echo(f"\n{title}")
        print_columns(rows, indent=2)


def _port_type(kind: Any, optional: bool = False) -> tuple[str, str]:
    """The name of a port's type and what it means."""
    mark = meaning(kind)
    return describe_type(kind) + (", optional" if optional else ""), mark.doc if mark else ""


def list_configuration(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """A row for each value that a configuration takes: name, type, default and meaning."""
    return [
        (field.alias or name, describe_field(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    try:
        return json.dumps(field.default)  # as it stands in a spec
    except TypeError:
        return repr(field.default)
