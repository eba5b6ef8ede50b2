"""`composer data convert`: writes datasets in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.data_choice import DataChoice, data_options
from composer.cli.options import pictures_option
from composer.cli.output import count_things

if TYPE_CHECKING:
    from composer.data.conversion import LossLog, Pictures, Target, YoloTask


@click.command(short_help="Write datasets in COCO's or YOLO's format.")
@data_options
@click.argument("folder")
@click.option(
    "--to", "target", type=click.Choice(["coco", "yolo"]), required=True, help="Format to write."
)
@pictures_option()
@click.option(
    "--task",
    type=click.Choice(["detect", "segment", "pose"]),
    help="Labels of YOLO: boxes, outlines, or keypoints.  [default: all that the data have]",
)
def convert(
    chosen: DataChoice,
    folder: str,
    target: Target,
    pictures: Pictures,
    task: YoloTask | None,
) -> None:
    """Write the datasets of DATA into FOLDER, which must not exist.

    COCO: annotations/instances_NAME.json, images/NAME and a data file. YOLO: images/NAME,
    labels/NAME and the data.yaml of Ultralytics. What the format does not hold is listed.
    """
    from composer.data import open_each
    from composer.data.conversion import convert_datasets

    if task is not None and target != "yolo":
        raise click.UsageError("--task goes with --to yolo")
    documents = chosen.find()
    datasets = open_each(documents)
    losses = convert_datasets(datasets, Path(folder), target, pictures=pictures, task=task)
    num_images = sum(map(len, datasets.values()))
    num_objects = sum(dataset.num_annotations for dataset in datasets.values())
    size = f"{count_things(num_images, 'image')}, {count_things(num_objects, 'object')}"
    click.echo(f"{folder}: {', '.join(datasets)} ({size})")
    print_losses(losses)


def print_losses(losses: LossLog) -> None:
    """Prints what the written format does not hold."""
    for line in losses.describe():
        click.echo(f"  not held by the format: {line}")
