"""Visualizations of a dataset's annotations: as they are read, and as training has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image

from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.records import Record
from composer.data.sample_reading import read_sample
from composer.errors import InputError
from composer.images import open_image
from composer.visualization import draw_annotations, draw_instances, draw_panoptic, draw_semantic

Layer = Literal["objects", "segments", "classes"]


def choose_layer(dataset: Dataset, layer: Layer | None = None) -> Layer:
    """The layer of annotations to draw: by default segments if there are any, else objects.

    Args:
        dataset: the dataset.
        layer: the layer that is asked for, if any.

    Raises:
        InputError: the dataset has no such annotations.
    """
    if layer is None:
        return _find_layer(dataset)
    if layer != "objects" and not any(_has(record, layer) for record in dataset):
        raise InputError(f"dataset '{dataset.name}' has no {layer} to draw")
    return layer


def draw_record(record: Record, metadata: Metadata, layer: Layer = "objects") -> Image.Image:
    """Draws annotations onto their image.

    Args:
        record: the image and its annotations.
        metadata: of its dataset.
        layer: the annotations to draw.

    Raises:
        InputError: the image or an annotation cannot be read, or there is none of the layer.
    """
    image = open_image(record.file_name, record.sample_range)
    if layer == "objects":
        return draw_annotations(image, record, metadata)
    sample = read_sample(record, metadata, mask_format="none")
    if layer == "segments" and sample.panoptic is not None:
        return draw_panoptic(image, sample.panoptic, record.segments, metadata)
    if sample.sem_seg is None:
        raise InputError(f"{record.file_name}: it has no {layer}")
    return draw_semantic(image, sample.sem_seg, metadata)


def draw_sample(
    sample: Mapping[str, Any], metadata: Metadata, layer: Layer = "objects"
) -> Image.Image:
    """Draws the annotations of a sample, augmented, onto its image.

    Args:
        sample: what a mapper returns; the image is RGB from 0 to 255.
        metadata: of the mapper.
        layer: the annotations to draw.

    Raises:
        InputError: there is none of the layer.
    """
    image = sample["image"]
    if layer == "objects":
        return draw_instances(image, sample["instances"], metadata)
    if layer == "segments" and "panoptic_seg" in sample:
        segment_ids, segments = sample["panoptic_seg"]
        return draw_panoptic(image, segment_ids, segments, metadata)
    if "sem_seg" not in sample:
        raise InputError(f"{sample.get('file_name', 'an image')}: it has no {layer}")
    return draw_semantic(image, sample["sem_seg"], metadata)


def _find_layer(dataset: Dataset) -> Layer:
    if any(_has(record, "segments") for record in dataset):
        return "segments"
    has_objects = dataset.num_annotations > 0
    return "classes" if not has_objects and _has(dataset.records[0], "classes") else "objects"


def _has(record: Record, layer: Layer) -> bool:
    if layer == "segments":
        return record.panoptic_file is not None
    return record.sem_seg_file is not None or record.panoptic_file is not None
