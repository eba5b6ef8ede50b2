"""`composer export`: writes the model of a run as one file."""

from __future__ import annotations

from pathlib import Path

import click

from composer.cli.options import offline_option


@click.command(short_help="Write the model of a run as one file.")
@click.argument("source", metavar="MODEL")
@click.option(
    "--output", "-o", metavar="FILE", required=True, help="File to write (.safetensors, .pth)."
)
@offline_option()
@click.option("--half", is_flag=True, help="Store weights as float16.")
@click.option("--last", is_flag=True, help="Export the last weights, not the best.")
@click.option("--raw", is_flag=True, help="Export the last weights without averaging.")
def export(source: str, output: str, half: bool, last: bool, raw: bool) -> None:
    """Write MODEL, a run or any other model with weights, as one file that describes itself.

    Of a run, these are the best weights by its metric, else the final ones, else those of its last
    checkpoint; averaged ones if there are any.
    """
    from composer.training import export_model

    graph = export_model(source, output, half=half, last=last or raw, averaged=not raw)
    classes = graph.spec.metadata.thing_classes or graph.spec.metadata.stuff_classes
    named = f", classes: {', '.join(classes)}" if classes else ""
    click.echo(f"{output}: {graph.spec.name}, {Path(output).stat().st_size / 1e6:.1f} MB{named}")
