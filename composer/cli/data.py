"""`composer data`: checks, lists, draws, converts and splits datasets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from composer.cli.data_check import check
from composer.cli.data_choice import DataChoice, data_options
from composer.cli.data_convert import convert
from composer.cli.data_show import show
from composer.cli.data_split import split
from composer.cli.nodes import describe_call, list_publications, warn_of_damage
from composer.cli.options import Decorator, seed_option
from composer.cli.output import print_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.data import Dataset


@click.group(
    short_help="Check, show, list, convert and split datasets.",
    commands=[check, show, convert, split],
)
def data() -> None:
    """Check, show, list, convert and split datasets.

    DATA is a data file, an experiment, or a folder or file of annotations: their format is
    recognised by content (`composer data check DATA` reports it).
    """


def _drawing_options(size: int, smallest: int) -> Decorator:
    """The options of drawn datasets: --num-images, --size and --seed.

    Args:
        size: the default size in pixels.
        smallest: the smallest size in pixels.
    """

    def decorate(command: Any) -> Any:
        command = seed_option("Seed for the drawings.")(command)
        command = click.option(
            "--size",
            default=size,
            show_default=True,
            type=click.IntRange(min=smallest),
            help="Height and width, in pixels.",
        )(command)
        return click.option(
            "--num-images",
            "-n",
            default=10,
            show_default=True,
            type=click.IntRange(min=1),
            metavar="N",
            help="Number of images.",
        )(command)

    return decorate


@data.command(short_help="Draw a small dataset to try things with.")
@click.argument("folder")
@_drawing_options(size=64, smallest=24)
@click.option("--panoptic", is_flag=True, help="Write panoptic annotations, too.")
@click.option("--keypoints", is_flag=True, help="Annotate keypoints of the objects.")
def shapes(folder: str, **options: Any) -> None:
    """Draw squares, triangles and discs into FOLDER, with annotations in COCO's format.

    The drawings are in FOLDER/images, their boxes and masks in FOLDER/instances.json, and panoptic
    annotations in FOLDER/panoptic.json and FOLDER/panoptic.
    """
    from composer.data import write_shape_dataset

    files = write_shape_dataset(folder, **options)
    click.echo(f"{options['num_images']} drawings in {files.images}, {files.annotations}")


@data.command(short_help="Draw blood cells to try fine-tuning with.")
@click.argument("folder")
@_drawing_options(size=160, smallest=96)
def cells(folder: str, **options: Any) -> None:
    """Draw blood cells into FOLDER, with annotations in COCO's format.

    The drawings are in FOLDER/images, their boxes and masks in FOLDER/instances.json.
    """
    from composer.data import write_cell_dataset

    files = write_cell_dataset(folder, **options)
    click.echo(f"{options['num_images']} drawings in {files.images}, {files.annotations}")


@data.command("list", short_help="List datasets with their sizes and classes.")
@data_options
def list_datasets(
    chosen: DataChoice,
) -> None:
    """List the datasets of DATA: how many images, objects and classes are used of each.

    With one dataset, its classes are counted, too.
    """
    from composer.data import open_each
    from composer.registry import short_name

    documents = chosen.find()
    datasets = list(open_each(documents).values())
    has_segments = any(record.segments for dataset in datasets for record in dataset)
    rows = [
        _count_columns(dataset, short_name(document.uses), has_segments)
        for dataset, document in zip(datasets, documents.values(), strict=True)
    ]
    segments = ("segments",) if has_segments else ()
    print_columns([("dataset", "reader", "images", "objects", *segments, "classes"), *rows])
    if len(datasets) == 1 and datasets[0].metadata.thing_classes:
        _print_classes(datasets[0])


def _count_columns(dataset: Dataset, reader: str, has_segments: bool) -> Sequence[str]:
    """A dataset's row: its reader, and how many images, objects and classes are used."""
    segments = sum(len(record.segments) for record in dataset)
    counts = [len(dataset), dataset.num_annotations, *([segments] if has_segments else [])]
    return [dataset.name, reader, *map(str, counts), str(len(dataset.metadata.thing_classes))]


def _print_classes(dataset: Dataset) -> None:
    objects: Counter[int] = Counter()
    images: Counter[int] = Counter()
    for record in dataset:
        categories = [annotation.category for annotation in record.annotations]
        objects.update(categories)
        images.update(set(categories))
    click.echo()
    rows = [
        (name, str(objects[i]), str(images[i]))
        for i, name in enumerate(dataset.metadata.thing_labels)
    ]
    print_columns([("class", "objects", "images"), *rows], indent=2)


@data.command(short_help="List the readers of datasets, or describe one.")
@click.argument("name", required=False)
def readers(name: str | None) -> None:
    """List the formats that datasets are read from; with NAME, describe one's configuration."""
    from composer.registry import DATASET_GROUP

    _list_or_describe(DATASET_GROUP, name)


@data.command(short_help="List the augmentations, or describe one.")
@click.argument("name", required=False)
def augmentations(name: str | None) -> None:
    """List the augmentations of samples; with NAME, describe one's configuration."""
    from composer.registry import AUGMENTATION_GROUP

    _list_or_describe(AUGMENTATION_GROUP, name)


def _list_or_describe(group: str, name: str | None) -> None:
    if name is None:
        list_publications(group)
        warn_of_damage([group])
    else:
        describe_call(group, name)
