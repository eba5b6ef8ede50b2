"""Formats that are known and not read, and what turns them into one that is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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


def describe_conversions(files: Iterable[Path]) -> list[str]:
    """How files of known formats that are not read become readable; one text a format."""
    told = (_BY_SUFFIX.get(_find_suffix(file)) for file in files)
    return list(dict.fromkeys(text for text in told if text is not None))


def _find_suffix(file: Path) -> str:
    """The ending of a name; shards are called `train.tfrecord-00000-of-00004`."""
    return file.suffix.lower().partition("-")[0]
