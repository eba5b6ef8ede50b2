"""`composer nodes`: lists the node types that are installed, or describes one."""

from __future__ import annotations

import click


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
    from composer.cli.publications import list_publications
    from composer.registry import NODE_GROUP

    list_publications(NODE_GROUP)
