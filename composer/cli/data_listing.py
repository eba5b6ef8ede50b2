"""What `composer data list` tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import click

from composer.cli.columns import print_columns
from composer.cli.data_check import count_objects
from composer.data.data_file import DatasetDocument
from composer.data.dataset import Dataset


def print_datasets(datasets: Mapping[str, DatasetDocument]) -> None:
    """Prints how much is used of each dataset, and of an only one how often each class occurs.

    Raises:
        DataError: one cannot be opened.
    """
    opened = [document.open(name) for name, document in datasets.items()]
    rows = [
        (dataset.name, document.uses, count_objects(dataset))
        for dataset, document in zip(opened, datasets.values(), strict=True)
    ]
    print_columns([("dataset", "reader", "what is used"), *rows])
    if len(opened) == 1:
        _print_classes(opened[0])


def _print_classes(dataset: Dataset) -> None:
    objects: Counter[int] = Counter()
    images: Counter[int] = Counter()
    for record in dataset:
        categories = [annotation.category for annotation in record.annotations]
        objects.update(categories)
        images.update(set(categories))
    names = dataset.metadata.thing_classes
    if names:
        click.echo()
        head = ("class", "objects", "images")
        print_columns(
            [head, *((name, str(objects[i]), str(images[i])) for i, name in enumerate(names))],
            indent=2,
        )
