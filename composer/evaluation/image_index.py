"""The image of a dataset that a record of a batch is, and its size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composer.data import (
    Dataset,
    Record,
    describe_missing_id,
    peek_size,
    read_pixels,
    show_value,
)
from composer.errors import InputError
from composer.names import did_you_mean


class ImageIndex:
    """Finds the positions of images in a dataset by the `image_id` of their records.

    Where datasets were joined and two images have one id, the file's name decides.

    Args:
        dataset: the dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._places: dict[int | str, list[int]] = {}
        for place, record in enumerate(dataset.records):
            self._places.setdefault(record.image_id, []).append(place)
        self._has_hinted = False

    def find(self, record: Mapping[str, Any]) -> int:
        """The position in the dataset of a batch's record.

        Raises:
            InputError: the record has no `image_id`, or the dataset no such image.
        """
        if "image_id" not in record:
            raise InputError(
                "a record has no 'image_id', so its image in "
                f"'{self._dataset.name}' cannot be found; it has {', '.join(map(repr, record))}"
            )
        return self.find_id(record["image_id"], record.get("file_name"))

    def find_id(self, image_id: int | str, file_name: str | None = None) -> int:
        """The position in the dataset of an image's id.

        Args:
            image_id: the id.
            file_name: the image's file, which decides between images of the same id.

        Raises:
            InputError: there is no such image, or there are several.
        """
        places = self._places.get(image_id, [])
        if len(places) > 1 and file_name is not None:
            wanted = Path(file_name)
            places = [at for at in places if self._dataset.records[at].file_name == wanted]
        if len(places) == 1:
            return places[0]
        name = self._dataset.name
        if image_id in self._places:
            raise InputError(f"the dataset '{name}' has several images with the id {image_id!r}")
        raise InputError(
            f"the dataset '{name}' has no image with the id {show_value(image_id)}. "
            f"{self._hint_at(image_id)}"
        )

    def _hint_at(self, image_id: int | str) -> str:
        """Which id may be meant; for the first one only, as all images are compared with it."""
        if hint := describe_missing_id(image_id, self._places):
            return hint
        if self._has_hinted:
            return ""
        self._has_hinted = True
        for record in self._dataset.records:
            if image_id in (record.file_name.name, record.file_name.stem):
                return f"That of {record.file_name.name} is {record.image_id!r}."
        return did_you_mean(str(image_id), map(str, self._places), "images")

    def order(self) -> list[int]:
        """The positions of all images, sorted by id as pycocotools does it.

        This order breaks ties of scores between images, so metrics depend on it.
        """
        ids = [record.image_id for record in self._dataset.records]
        if all(isinstance(image_id, int) for image_id in ids):
            return sorted(range(len(ids)), key=lambda place: int(ids[place]))
        return sorted(range(len(ids)), key=lambda place: str(ids[place]))


def find_image_size(record: Record, known: tuple[int, int] | None = None) -> tuple[int, int]:
    """An image's (height, width): from the dataset, else the known one, else from its file.

    Raises:
        InputError: there is none, and the file cannot be read.
    """
    if record.height is not None and record.width is not None:
        return record.height, record.width
    if known is not None:
        return known
    height, width = peek_size(record.file_name)
    if (height, width) == (1, 1):  # an image of one pixel, or one that cannot be read
        _, height, width = read_pixels(record.file_name, record.sample_range).shape
    return height, width
