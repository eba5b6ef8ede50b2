"""`composer data show`: draws annotated images of datasets."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.data_choice import DataChoice, data_options
from composer.cli.options import seed_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from PIL import Image

    from composer.data import Dataset, Layer, Record
    from composer.experiment import Experiment

    Draw = Callable[[Record, torch.Generator], Image.Image]


@click.command(short_help="Draw annotated images of datasets.")
@data_options
@click.option(
    "--count",
    "-n",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of images of each dataset, chosen at random.",
)
@seed_option("Seed for the choice of images and for augmentations.")
@click.option(
    "--image", "image_ids", multiple=True, metavar="ID", help="Draw this image; repeatable."
)
@click.option(
    "--layer",
    type=click.Choice(["objects", "segments", "classes"]),
    help="Annotations to draw.  [default: segments if there are any, else objects]",
)
@click.option("--augmented", is_flag=True, help="Apply the augmentations of the experiment DATA.")
@click.option(
    "--output",
    "-o",
    default="runs/data",
    show_default=True,
    metavar="DIR",
    help="Folder of the visualizations.",
)
def show(
    chosen: DataChoice,
    count: int,
    seed: int,
    image_ids: Sequence[str],
    layer: Layer | None,
    augmented: bool,
    output: str,
) -> None:
    """Draw images of DATA with their boxes, masks and keypoints, or with their segments.

    Visualizations go to a folder for each dataset, with the names of the images.
    """
    datasets = chosen.find()
    experiment = _read_experiment(chosen.data, chosen.settings) if augmented else None
    num_failed = 0
    for name, document in datasets.items():
        dataset = document.open(name)
        records = _choose(dataset, image_ids, count, seed)
        draw = _make_drawing(dataset, layer, experiment)
        folder = Path(output, name)
        num_drawn, failed = _draw_all(records, draw, seed, folder)
        num_failed += failed
        click.echo(f"{name}: {num_drawn} of {len(dataset)} images drawn to {folder}")
    if num_failed:
        click.get_current_context().exit(1)


def _read_experiment(data: str, settings: Sequence[str]) -> Experiment:
    from composer.errors import InputError
    from composer.experiment import is_experiment, load_experiment

    if not is_experiment(data):
        raise InputError(f"{data}: augmentations are those of an experiment, which this is not")
    return load_experiment(data, set=settings)


def _choose(dataset: Dataset, image_ids: Sequence[str], count: int, seed: int) -> Sequence[Record]:
    if image_ids:
        return dataset.select_images(image_ids).records
    chance = random.Random(seed)  # noqa: S311 - no secret
    places = chance.sample(range(len(dataset)), min(count, len(dataset)))
    return [dataset.records[place] for place in sorted(places)]


def _make_drawing(dataset: Dataset, layer: Layer | None, experiment: Experiment | None) -> Draw:
    """The function that draws a record, augmented if there is an experiment."""
    from composer.construction import find_image_format
    from composer.data import choose_layer, draw_record, draw_sample
    from composer.language import load_spec

    chosen = choose_layer(dataset, layer)
    if experiment is None:
        return lambda record, _generator: draw_record(record, dataset.metadata, chosen)
    document = experiment.document
    expected = find_image_format(load_spec(experiment.spec, set=experiment.model_settings))
    plain = expected.model_copy(update={"channel_order": "RGB", "scale": 1.0})
    mapper = document.train.make_mapper(dataset, plain, annotated=True)
    return lambda record, generator: draw_sample(mapper(record, generator), mapper.metadata, chosen)


def _draw_all(records: Sequence[Record], draw: Draw, seed: int, folder: Path) -> tuple[int, int]:
    """Saves a visualization of each record; what cannot be read or written is reported and skipped.

    Returns:
        The number of visualizations, and of those that could not be written.
    """
    import torch

    from composer.errors import InputError
    from composer.executor import derive_seed
    from composer.files import write_bytes
    from composer.images import encode_visualization
    from composer.visualization import FileNames

    names, num_drawn, num_failed = FileNames(), 0, 0
    for record in records:
        generator = torch.Generator()
        generator.manual_seed(derive_seed(seed, str(record.image_id)))
        try:
            drawing = draw(record, generator)
        except InputError as error:
            click.echo(f"left out: {error}", err=True)
            continue
        picture = encode_visualization(drawing, ".png")
        file = folder / names.choose(record.file_name.stem, ".png")
        try:
            write_bytes(file, picture, follow_links=False)
            num_drawn += 1
        except OSError as error:  # the others may still be written
            click.echo(f"{file}: cannot be written: {error.strerror}", err=True)
            num_failed += 1
    return num_drawn, num_failed
