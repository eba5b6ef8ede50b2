"""`composer specs`: lists the specs that ship."""

from __future__ import annotations

import click

from composer.cli.columns import print_columns


@click.command(short_help="List the specs that ship.")
def specs() -> None:
    """List the specs that ship with the package. Their names serve wherever a SPEC is wanted."""
    from composer.spec.shipped import shipped_specs
    from composer.spec.yaml_reader import parse_value

    rows = []
    for name, path in shipped_specs().items():
        doc = parse_value(path.read_text(encoding="utf-8"), str(path)).get("doc")
        lines = str(doc.value).strip().splitlines() if doc is not None and doc.value else [""]
        rows.append((name, lines[0]))
    print_columns(rows)
