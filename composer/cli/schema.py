"""`composer schema`: writes a JSON Schema of the spec language for editors."""

from __future__ import annotations

import click

from composer.cli.options import text_file_option
from composer.files import write_text


@click.command(short_help="Write a JSON Schema of the spec language, for editors.")
@text_file_option()
def schema(output: str | None) -> None:
    """Write a JSON Schema of specs, with the configuration of every installed node type.

    Editors with support for JSON Schema complete and check specs with it.
    """
    import json

    from composer.schema import make_schema

    made = make_schema()
    for failure in made.failures:
        click.echo(f"left out: {failure}", err=True)
    text = json.dumps(made.document, indent=2)
    if output is None:
        click.echo(text)
    else:
        write_text(output, text + "\n")
