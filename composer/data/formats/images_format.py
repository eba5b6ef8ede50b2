"""Recognises a folder of images that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from composer.data.formats.data_path import DataPath, explain_json, explain_text, peek_text
from composer.data.formats.recognition import Recognition
from composer.data.formats.table_format import describe_other_table
from composer.data.formats.unread_formats import UNREAD_SUFFIXES, describe_conversions

_FOLDERS = ("label", "annotation", "gt", "ann")  # beginnings of names
_MAX_DAMAGED = 3  # files that are told
_OF_ANNOTATIONS = (
    *(".json", ".jsonl", ".ndjson", ".geojson", ".xml", ".csv", ".tsv", ".xls", ".xlsx", ".mat"),
    *(".pkl", ".pickle", ".npy", ".npz", ".h5", ".hdf5", ".db", ".sqlite", ".arrow"),
    *UNREAD_SUFFIXES,
)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_OF_TEXT = (".xml", ".csv", ".tsv", ".txt", ".jsonl")
_METADATA = "metadata.jsonl"
_OF_LABEL_IMAGES = ("mask", "seg", *_FOLDERS)
_MAX_LISTED = 1000  # names of images that a text is searched for
_LINES = '"file_name":', "'file_name':"  # in a file of Hugging Face


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
    explained = ((file, told) for file in files if (told := _explain(file)))
    damaged = list(islice(explained, _MAX_DAMAGED))
    for file, told in damaged:
        yield f"{path.relative(file)}: {told}"
    images = set(path.images)
    label_images = [file for file in files if file in images]
    if label_images:
        yield (
            f"{path.relative(label_images[0])} and others have the names of images, as label "
            "images have: they are read beside the files of COCO panoptic or Cityscapes, or from "
            "dicts with 'sem_seg_file_name' that are registered in Python"
        )
    lines = [file for file in files if file.suffix.lower() == ".jsonl" and _is_of_images(file)]
    if lines and lines[0].name == _METADATA:
        yield f"{path.relative(lines[0])}: its lines have no 'objects' with boxes"
    elif lines:
        yield f"{path.relative(lines[0])}: Hugging Face's file of images is called {_METADATA}"
    tables = [(file, told) for file in files if (told := describe_other_table(file))]
    for file, told in tables[:1]:
        yield f"{path.relative(file)} is a table with other columns; {told}"
    unread = set(files)
    documents = (document for file, document in path.json_documents() if file in unread)
    conversions = describe_conversions(files, documents)
    yield from conversions
    archives = [file for file in files if file.suffix.lower() in _ARCHIVES]
    for file in archives[:1]:
        yield f"{path.relative(file)} is an archive: unpack it"
    damaged_kinds = {file.suffix.lower() for file, _ in damaged}
    others = [file for file in files if file.suffix.lower() not in damaged_kinds]
    told_otherwise = len(label_images) + len(lines) + len(archives)
    if len(others) > told_otherwise and not tables and not conversions:
        yield (
            "annotations of other formats: export them from their tool as COCO, Pascal VOC or "
            "YOLO, or write them as a table (CSV) with the columns filename, class, xmin, ymin, "
            "xmax, ymax"
        )


def _explain(file: Path) -> str:
    """Why a file that is called JSON or text is none; empty if it is, or is called otherwise."""
    suffix = file.suffix.lower()
    if suffix == ".json":
        return explain_json(file)
    return explain_text(file) if suffix in _OF_TEXT else ""


def _list_unread(path: DataPath) -> Iterator[Path]:
    """Files that look like annotations.

    Texts are some if they or their folders are called so, or if they name images; images are some
    if their folders are called so, and others have the same names.
    """
    yield from path.with_suffix(*_OF_ANNOTATIONS)
    archives = path.with_suffix(*_ARCHIVES)
    yield from (file for file in archives if file.name.lower().startswith(_FOLDERS))
    stems = {image.stem for image in path.images}
    names = {image.name for image in path.images[:_MAX_LISTED]}
    for file in path.with_suffix(".txt"):
        is_called_so = file.stem in stems or file.parent.name.lower().startswith(_FOLDERS)
        if is_called_so or _names_images(file, names):
            yield file
    yield from _list_label_images(path)


def _names_images(file: Path, names: set[str]) -> bool:
    """Whether a text names images and says more of them; a list of names is no annotation."""
    lines = [[word.rpartition("/")[2] for word in line.split()] for line in peek_text(file)]
    mentions = [line for line in lines if not names.isdisjoint(line)]
    return bool(mentions) and any(len(line) > 1 or line not in mentions for line in lines if line)


def _list_label_images(path: DataPath) -> Iterator[Path]:
    def is_called_so(image: Path) -> bool:
        return image.parent.name.lower().startswith(_OF_LABEL_IMAGES)

    stems = {image.stem for image in path.images if not is_called_so(image)}
    yield from (image for image in path.images if is_called_so(image) and image.stem in stems)


def _is_of_images(file: Path) -> bool:
    return any(key in line for line in peek_text(file, 1) for key in _LINES)
