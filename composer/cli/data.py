"""`composer data`: looks at datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_IMAGES = click.option(
    "--images", metavar="DIR", help="The folder of images, where DATA is annotations."
)
_DATASETS = click.option(
    "--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset; repeatable."
)
_SETTINGS = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a param; repeatable."
)


def _takes_data(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("data")(_IMAGES(_DATASETS(_SETTINGS(command))))


@click.group(short_help="Check, show and list datasets.")
def data() -> None:
    """Look at datasets before a model is trained on them.

    DATA is a data file, an experiment, annotations in COCO's format (with --images), or a folder of
    images.
    """


@data.command(short_help="Say what is wrong with datasets.")
@_takes_data
@click.option("--quick", is_flag=True, help="Read no more of an image than its size.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(
    context: click.Context,
    data: str,
    images: str | None,
    names: Sequence[str],
    settings: Sequence[str],
    quick: bool,
    as_json: bool,
) -> None:
    """Open every image of DATA and tell all faults, by kind, with counts and names.

    Missing files, truncated images, images of another size than their annotations, boxes outside
    or without area, empty polygons, masks and keypoints that do not fit, unknown and nameless
    categories, ids that occur twice, and annotations of images that are not there.
    The exit code is 1 if there is a fault.
    """
    from composer.cli.data_check import check_datasets
    from composer.cli.data_source import find_datasets

    datasets = find_datasets(data, images, names, settings)
    if not check_datasets(datasets, quick=quick, as_json=as_json):
        context.exit(1)


@data.command(short_help="Draw annotated images of datasets.")
@_takes_data
@click.option(
    "--count",
    "-n",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="Images of each dataset, chosen by chance.",
)
@click.option("--seed", default=0, show_default=True, help="What chance follows from.")
@click.option(
    "--image", "image_ids", multiple=True, metavar="ID", help="Draw this image; repeatable."
)
@click.option(
    "--layer",
    type=click.Choice(["objects", "segments", "classes"]),
    help="What to draw.  [default: segments where there are some, else objects]",
)
@click.option(
    "--augmented", is_flag=True, help="As the training of DATA, an experiment, is given them."
)
@click.option(
    "--output", "-o", default="runs/data", show_default=True, metavar="DIR", help="Where to."
)
def show(
    data: str,
    images: str | None,
    names: Sequence[str],
    settings: Sequence[str],
    augmented: bool,
    output: str,
    **choice: Any,
) -> None:
    """Draw images of DATA with their boxes, masks and keypoints, or with their segments.

    Pictures go to a folder for each dataset, called by the names of the images.
    """
    from pathlib import Path

    from composer.cli.data_show import ShowRequest, show_datasets
    from composer.cli.data_source import find_datasets, find_experiment

    datasets = find_datasets(data, images, names, settings)
    experiment = find_experiment(data, settings) if augmented else None
    request = ShowRequest(datasets=datasets, experiment=experiment, output=Path(output), **choice)
    show_datasets(request)


@data.command(short_help="Draw a small dataset to try things with.")
@click.argument("folder")
@click.option(
    "--num-images", "-n", default=10, show_default=True, type=click.IntRange(min=1), metavar="N"
)
@click.option(
    "--size", default=64, show_default=True, type=click.IntRange(min=24), help="Sides, in pixels."
)
@click.option("--seed", default=0, show_default=True, help="What chance follows from.")
@click.option("--panoptic", is_flag=True, help="Write panoptic annotations, too.")
@click.option("--keypoints", is_flag=True, help="Give the objects keypoints.")
def shapes(folder: str, **options: Any) -> None:
    """Draw squares, triangles and discs into FOLDER, with annotations in COCO's format.

    The drawings are in FOLDER/images, their boxes and masks in FOLDER/instances.json, and panoptic
    annotations in FOLDER/panoptic.json and FOLDER/panoptic.
    """
    from composer.data.toy_dataset import write_shape_dataset

    files = write_shape_dataset(folder, **options)
    click.echo(f"{options['num_images']} drawings in {files.images}, {files.annotations}")


@data.command("list", short_help="List datasets with their sizes and classes.")
@_takes_data
def list_datasets(
    data: str, images: str | None, names: Sequence[str], settings: Sequence[str]
) -> None:
    """List the datasets of DATA: how many images, objects and classes are used of each.

    With one dataset, its classes are counted, too.
    """
    from composer.cli.data_listing import print_datasets
    from composer.cli.data_source import find_datasets

    print_datasets(find_datasets(data, images, names, settings))


@data.command(short_help="List the readers of datasets, or describe one.")
@click.argument("name", required=False)
def readers(name: str | None) -> None:
    """List the formats that datasets are read from; with NAME, tell how one is configured."""
    from composer.registry import DATASET_GROUP

    _list_or_describe(DATASET_GROUP, name)


@data.command(short_help="List the augmentations, or describe one.")
@click.argument("name", required=False)
def augmentations(name: str | None) -> None:
    """List the augmentations of samples; with NAME, tell how one is configured."""
    from composer.registry import AUGMENTATION_GROUP

    _list_or_describe(AUGMENTATION_GROUP, name)


def _list_or_describe(group: str, name: str | None) -> None:
    from composer.cli.plugin_calls import describe_call
    from composer.cli.publications import list_publications

    if name is None:
        list_publications(group)
    else:
        describe_call(group, name)
