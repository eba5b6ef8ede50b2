"""What `composer data show` draws."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import torch
from PIL import Image

from composer.data.data_file import DatasetDocument
from composer.data.dataset import Dataset
from composer.data.images import open_picture
from composer.data.mapper import Mapper
from composer.data.metadata import Metadata
from composer.data.records import Record
from composer.data.sample_reading import read_sample
from composer.errors import InputError
from composer.executor import derive_seed
from composer.experiment import Experiment
from composer.experiment.model import find_image_format
from composer.files import written_whole
from composer.language import load_spec
from composer.visualization import draw_annotations, draw_instances, draw_panoptic, draw_semantic
from composer.visualization.file_names import FileNames

Layer = Literal["objects", "segments", "classes"]
Draw = Callable[[Record, torch.Generator], Image.Image]


@dataclass(frozen=True)
class ShowRequest:
    """What is to be drawn.

    Args:
        datasets: the datasets by name.
        count: how many images of each.
        image_ids: ids of the images to draw, in place of a choice by chance.
        layer: what to draw of them; by default the most that there is.
        seed: what the choice and augmentations follow from.
        experiment: where augmentations are taken from; None draws images as they are.
        output: the folder for the pictures.
    """

    datasets: Mapping[str, DatasetDocument]
    count: int
    image_ids: Sequence[str]
    layer: Layer | None
    seed: int
    experiment: Experiment | None
    output: Path


def show_datasets(request: ShowRequest) -> None:
    """Draws images of datasets into a folder each, and says which it left out.

    Raises:
        DataError: a dataset cannot be opened.
        InputError: there is nothing of the kind to draw.
    """
    for name, document in request.datasets.items():
        dataset = document.open(name)
        chosen = _choose(dataset, request)
        draw = _make_drawing(dataset, request)
        folder = request.output / name
        names, num_drawn = FileNames(), 0
        for record in chosen:
            generator = torch.Generator()
            generator.manual_seed(derive_seed(request.seed, str(record.image_id)))
            try:
                picture = draw(record, generator)
            except InputError as error:
                click.echo(f"left out: {error}", err=True)
                continue
            with written_whole(folder / names.choose(record.file_name.stem, ".png")) as file:
                picture.save(file)
            num_drawn += 1
        click.echo(f"{name}: {num_drawn} of {len(dataset)} images drawn to {folder}")


def _choose(dataset: Dataset, request: ShowRequest) -> Sequence[Record]:
    if request.image_ids:
        return dataset.select_images(request.image_ids).records
    chance = random.Random(request.seed)  # noqa: S311 - no secret
    places = chance.sample(range(len(dataset)), min(request.count, len(dataset)))
    return [dataset.records[place] for place in sorted(places)]


def _make_drawing(dataset: Dataset, request: ShowRequest) -> Draw:
    layer = request.layer or _find_layer(dataset)
    if layer != "objects" and not any(_has(record, layer) for record in dataset):
        raise InputError(f"dataset '{dataset.name}' has no {layer} to draw")
    if request.experiment is None:
        return lambda record, _generator: _draw_plain(record, dataset.metadata, layer)
    mapper = _make_mapper(request.experiment, dataset)
    return lambda record, generator: _draw_augmented(record, mapper, generator, layer)


def _find_layer(dataset: Dataset) -> Layer:
    if any(_has(record, "segments") for record in dataset):
        return "segments"
    has_objects = dataset.num_annotations > 0
    return "classes" if not has_objects and _has(dataset.records[0], "classes") else "objects"


def _has(record: Record, layer: Layer) -> bool:
    if layer == "segments":
        return record.panoptic_file is not None
    return record.sem_seg_file is not None or record.panoptic_file is not None


def _draw_plain(record: Record, metadata: Metadata, layer: Layer) -> Image.Image:
    picture = open_picture(record.file_name)
    if layer == "objects":
        return draw_annotations(picture, record, metadata)
    sample = read_sample(record, metadata, mask_format="none")
    if layer == "segments" and sample.panoptic is not None:
        return draw_panoptic(picture, sample.panoptic, record.segments, metadata)
    if sample.sem_seg is None:
        raise InputError(f"{record.file_name}: it has no {layer}")
    return draw_semantic(picture, sample.sem_seg, metadata)


def _make_mapper(experiment: Experiment, dataset: Dataset) -> Mapper:
    """What prepares an image of the experiment's training, as RGB from 0 to 255."""
    document = experiment.document
    wanted = find_image_format(load_spec(experiment.spec, params=document.spec_params))
    plain = wanted.model_copy(update={"channel_order": "RGB", "scale": 1.0})
    return document.train.make_mapper(dataset, plain, annotated=True)


def _draw_augmented(
    record: Record, mapper: Mapper, generator: torch.Generator, layer: Layer
) -> Image.Image:
    prepared = mapper(record, generator)
    image, metadata = prepared["image"], mapper.metadata
    if layer == "objects":
        return draw_instances(image, prepared["instances"], metadata)
    if layer == "segments" and "panoptic_seg" in prepared:
        segment_ids, segments = prepared["panoptic_seg"]
        return draw_panoptic(image, segment_ids, segments, metadata)
    if "sem_seg" not in prepared:
        raise InputError(f"{record.file_name}: it has no {layer}")
    return draw_semantic(image, prepared["sem_seg"], metadata)
