"""Annotated photographs to load: real ones where they are at hand, else copies of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from composer.data import Annotation, Dataset, Metadata, Record
from composer.data.readers.coco import coco

PEDESTRIANS = Path(__file__).parents[2] / "shared" / "data" / "pedestrians"

_NUM_COPIES = 64
_SIZES = ((640, 480), (480, 640))  # (width, height)


@dataclass(frozen=True)
class Photographs:
    """A dataset and what it is.

    Args:
        dataset: the photographs.
        description: what they are, for the table.
    """

    dataset: Dataset
    description: str


def find_photographs(folder: Path) -> Photographs:
    """The photographs to load.

    Args:
        folder: takes copies, where real ones are not at hand.
    """
    if PEDESTRIANS.is_dir():
        dataset = coco(annotations=PEDESTRIANS / "instances.json", images=PEDESTRIANS / "images")
        return Photographs(dataset, f"{len(dataset)} street photographs with masks")
    astronaut = Path(__file__).parents[1] / "specs" / "examples" / "astronaut.jpg"
    records = []
    with Image.open(astronaut) as picture:
        for number in range(_NUM_COPIES):
            width, height = _SIZES[number % 2]
            file = folder / f"{number}.jpg"
            picture.convert("RGB").resize((width, height)).save(file, quality=90)
            outline = [0.2 * width, 0.1 * height, 0.8 * width, 0.1 * height, 0.5 * width, height]
            person = Annotation((outline[0], outline[1], outline[2], height), 0, [outline])
            records.append(Record(file, number, height, width, (person,)))
    metadata = Metadata(thing_classes=("person",))
    dataset = Dataset("copies", tuple(records), metadata)
    return Photographs(dataset, f"{_NUM_COPIES} copies of one photograph")
