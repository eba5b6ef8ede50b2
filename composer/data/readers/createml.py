"""CreateML's JSON: a list of images with boxes, by their centres in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.json_file import load_json
from composer.data.json_values import are_numbers, as_name, show_value
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.record_builder import DatasetBuilder, FoundImage
from composer.errors import DataError

_NAMES = ("image", "imagefilename")
_SIDES = ("x", "y", "width", "height")


def createml(
    *, annotations: Path, images: Path | None = None, classes: tuple[str, ...] | None = None
) -> Dataset:
    """Reads boxes.

    Args:
        annotations: the JSON file.
        images: the folder of the images; by default that of the file.
        classes: names of the classes in order; by default all that occur, sorted.

    Raises:
        DataError: the file cannot be read, or is of another form.
    """
    builder = DatasetBuilder(classes)
    entries = load_json(annotations, builder.log)
    if not is_createml(entries):
        raise DataError(f"{annotations}: it is no list of images with annotations of CreateML")
    finder = ImageFinder(images or annotations.parent)
    for at, entry in enumerate(entries):
        if not _is_image(entry):
            message = f"an image has 'image' and a list 'annotations', not {show_value(entry)}"
            builder.log.add("malformed", message, entry=f"entry {at}")
            continue
        image = builder.find_image(finder, find_name(entry))
        if image is None:
            continue
        for number, one in enumerate(entry["annotations"]):
            _add(image, one, f"annotation {number}")
    return builder.build(annotations.stem)


def is_createml(document: object) -> bool:
    """Whether a JSON document is a list of images with annotations."""
    if not isinstance(document, list) or not document:
        return False
    return all(
        _is_image(entry)
        and all(isinstance(one, Mapping) and "coordinates" in one for one in entry["annotations"])
        for entry in document[:20]
    )


def _is_image(entry: Any) -> bool:
    """Whether an entry names an image and lists its annotations."""
    if not isinstance(entry, Mapping) or not find_name(entry):
        return False
    return isinstance(entry.get("annotations"), list)


def list_classes(document: Sequence[Any]) -> set[str]:
    """The classes of all boxes."""
    boxes = (one for entry in filter(_is_image, document) for one in entry["annotations"])
    labels = (as_name(one.get("label")) for one in boxes if isinstance(one, Mapping))
    return {label for label in labels if label is not None}


def find_name(entry: Mapping[str, Any]) -> str:
    """The file name of an image; empty if it has none."""
    return next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), "")


def _add(image: FoundImage, one: Any, place: str) -> None:
    coordinates = one.get("coordinates") if isinstance(one, Mapping) else None
    label = as_name(one.get("label")) if isinstance(one, Mapping) else None
    values = [coordinates.get(side) for side in _SIDES] if isinstance(coordinates, Mapping) else []
    if not values or not are_numbers(values):
        message = f"'coordinates' has x, y, width and height, not {show_value(coordinates)}"
        image.note("malformed", message, place)
        return
    if label is None:
        message = f"'label' is the name of a class, not {show_value(one.get('label'))}"
        image.note("unknown_category", message, place)
        return
    x, y, width, height = (float(value) for value in values if value is not None)
    box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    image.add(label, box, place=place)
