"""`composer data split`: divides a dataset into parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.data_choice import DataChoice, data_options
from composer.cli.data_convert import print_losses
from composer.cli.options import pictures_option, seed_option
from composer.cli.output import print_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from composer.data import Dataset, DatasetDocument
    from composer.data.conversion import Pictures, Target

_YAML = (".yaml", ".yml")


@click.command(short_help="Divide a dataset into parts.")
@data_options
@click.argument("output")
@click.option(
    "--parts",
    default="train=0.8,val=0.2",
    show_default=True,
    metavar="NAME=SHARE,...",
    help="Names and shares of the parts.",
)
@seed_option("Seed for the choice of images.")
@click.option(
    "--group",
    metavar="folder|REGEX",
    help="Keep images together: those of a folder, or with the same match in their ids.",
)
@click.option("--random", "at_random", is_flag=True, help="Do not spread classes evenly.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["data-file", "coco", "yolo"]),
    help="Write a data file, or a folder.  [default: data-file for *.yaml, else coco]",
)
@pictures_option()
def split(
    chosen: DataChoice,
    output: str,
    parts: str,
    seed: int,
    group: str | None,
    at_random: bool,
    target: str | None,
    pictures: Pictures,
) -> None:
    """Divide the images of a dataset of DATA, and write the parts to OUTPUT, which must not exist.

    The same seed divides in the same way. Classes are spread evenly over the parts. A data file
    selects images by their ids, and leaves all files where they are.
    """
    from composer.data.conversion import divide_dataset, find_groups, read_parts
    from composer.errors import InputError

    shares = read_parts(parts)
    documents = chosen.find()
    if len(documents) > 1:
        found = ", ".join(documents)
        raise InputError(
            f"there are the datasets {found}, so the data are divided already (`composer train` "
            "uses train and val as they are); --dataset chooses the one to divide further"
        )
    ((name, document),) = documents.items()
    dataset = document.open(name)
    groups = None if group is None else find_groups(dataset, group)
    divided = divide_dataset(dataset, shares, seed=seed, groups=groups, stratified=not at_random)
    kind = target or ("data-file" if output.endswith(_YAML) else "coco")
    _write(Path(output), kind, document, divided, pictures)
    _print_parts(output, divided)


def _write(
    output: Path,
    kind: str,
    document: DatasetDocument,
    divided: Mapping[str, Dataset],
    pictures: Pictures,
) -> None:
    from composer.data.conversion import convert_datasets, write_data_file

    if kind == "data-file":
        whole = _list_values(document)
        parts = {
            name: {**whole, "select": {"images": [record.image_id for record in part]}}
            for name, part in divided.items()
        }
        write_data_file(output, parts)
        return
    target: Target = "yolo" if kind == "yolo" else "coco"
    print_losses(convert_datasets(divided, output, target, pictures=pictures))


def _list_values(document: DatasetDocument) -> dict[str, Any]:
    """The values of a dataset without those that say nothing.

    In the configuration of a reader only null says nothing: false, 0 and [] may have a meaning.
    """
    values = document.resolved()
    configuration = {key: value for key, value in values["with"].items() if value is not None}
    return {key: value for key, value in values.items() if value} | {"with": configuration}


def _print_parts(output: str, divided: Mapping[str, Dataset]) -> None:
    """The number of images and of objects of each class in each part."""
    classes = next(iter(divided.values())).metadata.thing_labels
    rows = [("part", "images", *classes[:_MAX_CLASSES])]
    for name, part in divided.items():
        counts = [0] * len(classes)
        for record in part:
            for annotation in record.annotations:
                counts[annotation.category] += 1
        rows.append((name, str(len(part)), *map(str, counts[:_MAX_CLASSES])))
    print_columns(rows)
    click.echo(f"written to {output}")


_MAX_CLASSES = 8
