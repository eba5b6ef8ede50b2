"""The files of a folder of images; and such a folder as a dataset without annotations."""

import os
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.images import IMAGE_SUFFIXES
from composer.data.metadata import Metadata
from composer.data.records import Record
from composer.errors import DataError


class ImageFiles:
    """The files of a folder, listed once a folder and not asked for one by one.

    Args:
        root: the folder.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of images")
        self.root = root
        self._names: dict[Path, frozenset[str]] = {}

    def path(self, name: str) -> Path:
        """Where a file is, or would be."""
        return self.root / name

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, which may lie in a folder below."""
        path = self.path(name)
        folder = path.parent
        if folder not in self._names:
            self._names[folder] = _list_files(folder)
        return path.name in self._names[folder]


def _list_files(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()


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
