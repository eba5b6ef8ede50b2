"""`composer describe`: says what a checkpoint or a saved value holds."""

from __future__ import annotations

import click


@click.command(short_help="Say what a checkpoint or a saved value holds.")
@click.argument("file")
def describe(file: str) -> None:
    """Say what FILE holds: a checkpoint of any known format, or a value that a run saved.

    The tensors of a checkpoint are counted by node. No code in the file can run.
    """
    from composer.cli.description import print_description

    print_description(file)
