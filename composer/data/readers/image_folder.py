"""A folder of images as a dataset without annotations."""

from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.readers.image_finder import require_image_folder
from composer.data.records import Record
from composer.documents import Name
from composer.errors import DataError
from composer.images import (
    IMAGE_SUFFIXES,
    has_image_suffix,
    is_visualization,
    list_folder,
    walk_folder,
)


def image_folder(
    *, images: Path, classes: tuple[Name, ...] = (), include_subfolders: bool = True
) -> Dataset:
    """Reads the names of images; the path below the folder is an image's id.

    Hidden files and folders inside are passed over, and so are visualizations of predictions.

    Args:
        images: the folder.
        classes: names of thing classes, where predictions on the images are to have them.
        include_subfolders: whether to look into the folders inside, too.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    require_image_folder(images)
    files = walk_folder(images) if include_subfolders else list_folder(images)
    found = sorted(file for file in files if has_image_suffix(file) and not is_visualization(file))
    if not found:
        raise DataError(f"{images}: there is no image in this folder ({', '.join(IMAGE_SUFFIXES)})")
    records = tuple(Record(file, file.relative_to(images).as_posix()) for file in found)
    metadata = Metadata(thing_classes=classes, thing_ids=tuple(range(1, len(classes) + 1)))
    return Dataset(images.name, records, metadata)
