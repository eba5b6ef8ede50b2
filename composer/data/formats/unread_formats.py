"""Formats that are known and not read, and what turns them into one that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_TFRECORD = (
    "TFRecord (.tfrecord, .record) is not read. Convert it with TensorFlow: write 'image/encoded' "
    "of each example to an image file, and of each object a line of a table (CSV) with the columns "
    "filename, class, xmin, ymin, xmax, ymax, from 'image/object/class/text' and "
    "'image/object/bbox/xmin' ..., which are fractions of the image, as the table may be"
)
_PARQUET = (
    "Parquet is read where it has a column of images (their bytes, as Hugging Face's `datasets` "
    "writes them) and a column 'objects' with 'bbox' and 'categories' (it needs pyarrow: pip "
    "install 'detection-composer[parquet]'). Convert other files: save the image of each row to a "
    "file, and write a line of metadata.jsonl beside them: "
    "{'file_name': ..., 'objects': {'bbox': ..., 'categories': ...}}"
)
_BY_SUFFIX = {
    ".tfrecord": _TFRECORD,
    ".tfrecords": _TFRECORD,
    ".record": _TFRECORD,
    ".parquet": _PARQUET,
}
UNREAD_SUFFIXES = tuple(_BY_SUFFIX)

# Keys of JSON documents by which tools are known: of the document, or of each of a list.
_TOOLS: Mapping[tuple[str, ...], str] = {
    ("objects", "size", "tags"): "Supervisely",
    ("classes", "tags", "projectType"): "Supervisely",
    ("categories", "items"): "Datumaro",
    ("item", "annotations"): "V7 Darwin",
    ("instances", "metadata"): "SuperAnnotate",
    ("assets", "visitedFrames"): "VoTT",
    ("asset", "regions"): "VoTT",
    ("data_row", "projects"): "Labelbox",
    ("name", "labels", "timestamp"): "Scalabel (BDD100K)",
}


def describe_conversions(files: Iterable[Path], documents: Iterable[Any] = ()) -> list[str]:
    """How files of known formats that are not read become readable; one text a format.

    Args:
        files: the files.
        documents: what JSON files among them contain.
    """
    told = (_BY_SUFFIX.get(_find_suffix(file)) for file in files)
    tools = dict.fromkeys(tool for each in documents if (tool := _find_tool(each)))
    exports = [
        f"the JSON files are as {tool} writes them, which is not read: export the annotations from "
        "there as COCO, YOLO or Pascal VOC"
        for tool in tools
    ]
    return list(dict.fromkeys([*(text for text in told if text is not None), *exports]))


def _find_tool(document: Any) -> str | None:
    """The tool that a document comes from; None if it is of no known one."""
    is_list = isinstance(document, Sequence) and not isinstance(document, str)
    one = document[0] if is_list and document else document
    if not isinstance(one, Mapping):
        return None
    return next((tool for keys, tool in _TOOLS.items() if all(key in one for key in keys)), None)


def _find_suffix(file: Path) -> str:
    """The ending of a name; shards are called `train.tfrecord-00000-of-00004`."""
    return file.suffix.lower().partition("-")[0]
