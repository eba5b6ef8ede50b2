"""`composer export`: takes a model out of a run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Take a model out of a run.")
@click.argument("source", metavar="RUN|CHECKPOINT")
@click.option(
    "--output", "-o", metavar="FILE", required=True, help="Where to write it (.safetensors, .pth)."
)
@click.option("--half", is_flag=True, help="Store weights in 16 bits.")
@click.option("--last", is_flag=True, help="Take the last weights in place of the best.")
@click.option("--raw", is_flag=True, help="Take the weights of the last checkpoint as learnt.")
def export(source: str, output: str, half: bool, last: bool, raw: bool) -> None:
    """Write the model of a run, or of a checkpoint, as one file that says what it is.

    Of a run these are the best weights, if a metric says which those are, else those that it ended
    with, else those of its last checkpoint; averaged ones where there are any.
    """
    from composer.training import export_model

    graph = export_model(source, output, half=half, last=last or raw, averaged=not raw)
    classes = graph.spec.metadata.thing_classes or graph.spec.metadata.stuff_classes
    named = f", classes: {', '.join(classes)}" if classes else ""
    click.echo(f"{output}: {graph.spec.name}, {Path(output).stat().st_size / 1e6:.1f} MB{named}")
