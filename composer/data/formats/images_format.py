"""Recognises a folder of images that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composer.data.formats.data_path import DataPath, explain_json
from composer.data.formats.recognition import Recognition
from composer.data.formats.table_format import describe_other_table
from composer.data.formats.unread_formats import UNREAD_SUFFIXES, describe_conversions

_FOLDERS = ("label", "annotation", "gt", "ann")  # beginnings of names
_MAX_DAMAGED = 3  # files that are told
_OF_ANNOTATIONS = (".json", ".jsonl", ".xml", ".csv", *UNREAD_SUFFIXES)


def recognise_images(path: DataPath) -> Recognition | None:
    """A folder with images, whatever else is in it."""
    if not path.is_folder or not path.images:
        return None
    count = len(path.images)
    evidence = f"{count} image{'' if count == 1 else 's'}, and no annotations that are recognised"
    unread = list(_list_unread(path))
    return Recognition(
        title="images",
        reader="image_folder",
        evidence=evidence,
        datasets={"": {"images": path.path}},
        notes=tuple(_describe_other(unread, path)),
        unread=tuple(path.relative(file) for file in unread),
    )


def _describe_other(files: list[Path], path: DataPath) -> Iterator[str]:
    """How files of no format that is recognised can be read."""
    damaged = [(file, told) for file in files if (told := _explain(file))]
    for file, told in damaged[:_MAX_DAMAGED]:
        yield f"{path.relative(file)}: {told}"
    tables = [(file, told) for file in files if (told := describe_other_table(file))]
    for file, told in tables[:1]:
        yield f"{path.relative(file)} is a table with other columns; {told}"
    conversions = describe_conversions(files)
    yield from conversions
    if len(files) > len(damaged) and not tables and not conversions:
        yield (
            "annotations of other formats: export them from their tool as COCO, Pascal VOC or "
            "YOLO, or write them as a table (CSV) with the columns filename, class, xmin, ymin, "
            "xmax, ymax"
        )


def _explain(file: Path) -> str:
    """Why a file that is called JSON is none; empty if it is, or is called otherwise."""
    return explain_json(file) if file.suffix.lower() == ".json" else ""


def _list_unread(path: DataPath) -> Iterator[Path]:
    """Files that look like annotations; texts if they are called like an image, or their folder."""
    yield from path.with_suffix(*_OF_ANNOTATIONS)
    stems = {image.stem for image in path.images}
    for file in path.with_suffix(".txt"):
        if file.stem in stems or file.parent.name.lower().startswith(_FOLDERS):
            yield file
