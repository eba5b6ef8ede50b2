"""`composer schema`: writes a JSON Schema of the spec language for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.options import text_file_option
from composer.files import write_text

if TYPE_CHECKING:
    from composer.outcomes import Outcome


@click.command(short_help="Write a JSON Schema of the spec language, for editors.")
@text_file_option()
def schema(output: str | None) -> None:
    """Write a JSON Schema of specs, with the configuration of every installed node type.

    Editors with support for JSON Schema complete and check specs with it.
    """
    import json

    from composer.outcomes import recall_or_find

    made = recall_or_find(["schema"], _find_schema)
    for failure in made["failures"]:
        click.echo(f"left out: {failure}", err=True)
    text = json.dumps(made["document"], indent=2)
    if output is None:
        click.echo(text)
    else:
        write_text(output, text + "\n")


def _find_schema() -> Outcome:
    """The schema, and what is left out of it; that is tried again every time."""
    from composer.outcomes import Outcome
    from composer.schema import make_schema

    made = make_schema()
    answer = {"document": made.document, "failures": list(made.failures)}
    return Outcome(answer, is_lasting=not made.failures)
