"""`composer nodes`: lists the node types that are installed, or describes one."""

from __future__ import annotations

import click

from composer.cli.columns import print_columns


@click.command(short_help="List the node types that are installed, or describe one.")
@click.argument("name", required=False)
def nodes(name: str | None) -> None:
    """List the node types that are installed; with NAME, tell everything about one.

    Listing imports no plugin. NAME may be qualified by its plugin (`composer-rcnn/mask_head`).
    """
    if name is not None:
        from composer.cli.node_type import describe_node_type

        describe_node_type(name)
        return
    from composer.registry import Registry

    published = Registry.installed().publications
    names = [publication.name for publication in published]
    rows = [("node type", "plugin", "distribution")]
    for publication in published:
        origin = f"{publication.distribution} {publication.version}"
        if names.count(publication.name) > 1:
            origin += f", clash: write {publication.plugin}/{publication.name}"
        rows.append((publication.name, publication.plugin, origin))
    print_columns(rows)
