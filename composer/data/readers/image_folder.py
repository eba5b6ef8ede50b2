"""A folder of images without annotations."""

import os
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.images import IMAGE_SUFFIXES
from composer.data.metadata import Metadata
from composer.data.records import Record
from composer.errors import DataError


def image_folder(
    *, images: Path, classes: tuple[str, ...] = (), include_subfolders: bool = True
) -> Dataset:
    """Reads the names of images; the path below the folder is an image's id.

    Args:
        images: the folder.
        classes: names of thing classes, where predictions on the images are to have them.
        include_subfolders: whether to look into the folders inside, too.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if not images.is_dir():
        raise DataError(f"{images}: there is no such folder of images")
    found: list[Path] = []
    for folder, inner, names in os.walk(images):
        found += [
            Path(folder, name) for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
        if not include_subfolders:
            inner.clear()
    if not found:
        raise DataError(f"{images}: there is no image in this folder ({', '.join(IMAGE_SUFFIXES)})")
    records = tuple(Record(file, file.relative_to(images).as_posix()) for file in sorted(found))
    metadata = Metadata(thing_classes=classes, thing_ids=tuple(range(1, len(classes) + 1)))
    return Dataset(images.name, records, metadata)
