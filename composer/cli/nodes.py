"""`composer nodes`: lists the node types that are installed, or describes one.

The other groups of entry points, readers of datasets and augmentations, are listed the same way.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import click

from composer.cli.output import print_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from composer.outcomes import Outcome
    from composer.registry import Found, Publication, Registry


@click.command(short_help="List the node types that are installed, or describe one.")
@click.argument("name", required=False)
def nodes(name: str | None) -> None:
    """List the node types that are installed; with NAME, describe one.

    Listing imports no plugin. NAME may be qualified (`detection-composer/mask_head`).
    """
    if name is None:
        from composer.registry import NODE_GROUP, TYPE_GROUP

        list_publications(NODE_GROUP)
        warn_of_damage([NODE_GROUP, TYPE_GROUP])
        _warn_of_groups()
    else:
        _describe_node_type(name)


def list_publications(group: str) -> None:
    """Prints the names of a group of entry points, with their plugins. Nothing is imported."""
    from composer.registry import Registry

    registry = Registry.installed(group)
    rows = [(registry.what, "plugin", "distribution")]
    for publication in registry.publications:
        origin, remark = publication.origin, _describe_naming(publication, registry)
        origin = f"{origin}: {remark}" if remark else origin
        rows.append((publication.name, publication.plugin, origin))
    print_columns(rows)


def warn_of_damage(groups: Sequence[str]) -> None:
    """Prints the names of groups that can never be used, and why. Nothing is imported."""
    from composer.registry import list_faults

    for message in (message for group in groups for message in list_faults(group)):
        click.echo(f"warning: {message}", err=True)


def _warn_of_groups() -> None:
    from composer.discovery import list_unknown_groups

    for message in list_unknown_groups():
        click.echo(f"warning: {message}", err=True)


def _describe_naming(publication: Publication, registry: Registry) -> str:
    """What has to be written for a name that others publish, too; empty if its name suffices."""
    from composer.errors import ComposerError

    if registry.describe_fault(publication):
        return "cannot be used"
    try:
        is_meant = registry.find(publication.name).publication == publication
    except ComposerError:
        is_meant = False
    return "" if is_meant else f"write {publication.qualified}"


def describe_call(group: str, name: str) -> None:
    """Prints the documentation and the configuration of a reader or an augmentation.

    Raises:
        NameResolutionError: if nothing publishes the name.
        PluginError: if several others do, or its plugin fails to import.
    """
    from composer.node import call_model
    from composer.registry import Registry

    registry = Registry.installed(group)
    found = registry.find(name)
    target = registry.load_found(found)
    model = call_model(target, f"a {registry.what}")
    _print_heading(name, found.publication, inspect.getdoc(target) or "")
    _print_others(registry, found)
    _print_section("configuration", _list_configuration(model))


def _describe_node_type(name: str) -> None:
    """Prints the documentation, the ports and the configuration of a node type.

    Raises:
        NameResolutionError: if nothing publishes the name.
        PluginError: if several others do, its plugin fails to import, or it is no node type.
    """
    from composer.outcomes import recall_or_find
    from composer.registry import Registry

    registry = Registry.installed()
    found = registry.find(name)
    described = recall_or_find(
        ["node type", found.qualified], lambda: _describe_contract(registry, found)
    )
    _print_heading(name, found.publication, described["doc"])
    _print_others(registry, found)
    for title, rows in described["sections"]:
        _print_section(title, rows)
    if described["remark"]:
        click.echo(f"\n{described['remark']}")


def _describe_contract(registry: Registry, found: Found) -> Outcome:
    """The documentation, the ports and the configuration of a node type, as texts."""
    from composer.errors import ContractError, PluginError
    from composer.node import describe_type, read_contract
    from composer.outcomes import Outcome

    try:
        contract = read_contract(registry.load_found(found))
    except ContractError as error:
        raise PluginError(f"node type {found.label}: {error}") from error
    ports = [(p.name, *_port_type(p.type, p.optional)) for p in contract.inputs.values()]
    outputs = [(port, *_port_type(kind)) for port, kind in contract.outputs.items()]
    shared = contract.shared_types.items()
    sections = [
        ("inputs", ports),
        ("outputs", outputs),
        ("of one type", [(", ".join(names), describe_type(one)) for one, names in shared]),
        ("configuration", _list_configuration(contract.config)),
    ]
    when = "" if contract.draws_in_inference else " in training"
    remark = f"It draws from a random generator of its own{when}."
    remark = remark if contract.takes_generator else ""
    return Outcome({"doc": contract.doc, "sections": sections, "remark": remark})


def _print_heading(name: str, publication: Publication | None, doc: str) -> None:
    """Prints the name, its plugin, and the docstring up to `Args`."""
    click.echo(name if publication is None else f"{name}  {publication.label}")
    click.echo()
    click.echo(doc.partition("\nArgs:")[0].strip() or "It has no docstring.")


def _print_others(registry: Registry, found: Found) -> None:
    """Prints what else is published under the bare name."""
    for other in registry.list_others(found):
        use = "cannot be used" if registry.describe_fault(other) else f"write {other.qualified}"
        click.echo(f"\nThe name is published by {other.label}, too: {use}")


def _print_section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Prints rows below a title; nothing if there are none."""
    if rows:
        click.echo(f"\n{title}")
        print_columns(rows, indent=2)


def _port_type(kind: Any, optional: bool = False) -> tuple[str, str]:
    """The name of a port's type and its meaning."""
    from composer.node import describe_type, meaning

    mark = meaning(kind)
    return describe_type(kind) + (", optional" if optional else ""), mark.doc if mark else ""


def _list_configuration(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """A row for each configuration value: name, type, default and meaning."""
    from composer.node import describe_field

    return [
        (field.alias or name, describe_field(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    try:
        return json.dumps(field.default)  # as it is written in a spec
    except TypeError:
        return repr(field.default)
