"""Recognises a folder of images that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import Recognition

_FOLDERS = ("label", "annotation", "gt", "ann")  # beginnings of names
_OF_ANNOTATIONS = (".json", ".jsonl", ".xml", ".csv", ".parquet", ".tfrecord", ".record")


def recognise_images(path: DataPath) -> Recognition | None:
    """A folder with images, whatever else is in it."""
    if not path.is_folder or not path.images:
        return None
    count = len(path.images)
    evidence = f"{count} image{'' if count == 1 else 's'}, and no annotations that are recognised"
    return Recognition(
        title="images",
        reader="image_folder",
        evidence=evidence,
        datasets={"": {"images": path.path}},
        unread=tuple(path.relative(file) for file in _list_unread(path)),
    )


def _list_unread(path: DataPath) -> Iterator[Path]:
    """Files that look like annotations; texts if they are called like an image, or their folder."""
    yield from path.with_suffix(*_OF_ANNOTATIONS)
    stems = {image.stem for image in path.images}
    for file in path.with_suffix(".txt"):
        if file.stem in stems or file.parent.name.lower().startswith(_FOLDERS):
            yield file
