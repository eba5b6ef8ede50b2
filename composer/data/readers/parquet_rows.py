"""Rows of Parquet files with images in them, as Hugging Face's `datasets` writes them.

pyarrow reads them. It is an extra (`parquet`), and is imported when a file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from composer.errors import DataError
from composer.json_documents import parse_json_document
from composer.limits import ExpansionError, check_expansion

SUFFIX = ".parquet"
FILE, CONTENT = "file_name", "content"  # keys of an entry
NEEDED = (
    "reading Parquet files needs pyarrow, which is not installed: "
    "pip install 'detection-composer[parquet]'"
)

_ROWS = 16  # of a file that are in memory together
_BYTES_PER_VALUE = 8
_FEATURES = b"huggingface"  # key of the description of columns, in the head of a file
_DEEPEST = 8  # lists in lists of a description

Entry = Mapping[str, Any]


def has_pyarrow() -> bool:
    """Whether Parquet files can be read."""
    return find_spec("pyarrow") is not None


def read_rows(file: Path, *, with_images: bool = True) -> Iterator[Entry]:
    """The rows of a file that has images.

    Args:
        file: the file.
        with_images: whether the bytes of images are read.

    Yields:
        For each row its columns, and in place of the one of images `file_name` (its path, or the
        number of the row) and `content` (its bytes, or None where they are in a file of their own).

    Raises:
        DataError: pyarrow is missing, or the file cannot be read.
    """
    try:
        with _open(file) as opened:
            column, inner = _find_image_column(opened.schema_arrow)
            if column is None:
                return
            _check_size(file, opened.metadata)
            names = [name for name in opened.schema_arrow.names if name != column]
            parts = inner if with_images else [part for part in inner if not part.endswith("bytes")]
            number = 0
            for batch in opened.iter_batches(batch_size=_ROWS, columns=[*names, *parts]):
                for row in batch.to_pylist():
                    yield _to_entry(row, column, number)
                    number += 1
    except DataError:
        raise
    except ExpansionError as error:
        raise DataError(str(error)) from None
    except Exception as error:  # a file can break a parser in ways that nobody has listed
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{file}: it is no Parquet file that can be read: {reason:.200}") from None


def read_label_names(file: Path) -> tuple[str, ...] | None:
    """The names of the classes by the description of a file's columns; None if it has none.

    Raises:
        DataError: pyarrow is missing, or the file cannot be read.
    """
    try:
        with _open(file) as opened:
            described = (opened.schema_arrow.metadata or {}).get(_FEATURES)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{file}: it is no Parquet file that can be read: {error}") from None
    try:
        features = parse_json_document(described or b"null")
    except ValueError:
        return None
    names = next(_find_names(features, _DEEPEST), None)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def _open(file: Path) -> Any:
    if not has_pyarrow():
        raise DataError(f"{file}: {NEEDED}")
    from pyarrow.parquet import ParquetFile

    return ParquetFile(file)


def _find_image_column(schema: Any) -> tuple[str | None, list[str]]:
    """The column of images, and the parts of it that are read; None if there is none.

    `datasets` stores an image as its bytes and its path.
    """
    import pyarrow

    for field in schema:
        if pyarrow.types.is_struct(field.type):
            parts = [field.type.field(index).name for index in range(field.type.num_fields)]
            if "bytes" in parts:
                read = [part for part in parts if part in ("bytes", "path")]
                return field.name, [f"{field.name}.{part}" for part in read]
        is_binary = pyarrow.types.is_binary(field.type) or pyarrow.types.is_large_binary(field.type)
        if is_binary:
            return field.name, [field.name]
    return None, []


def _check_size(file: Path, metadata: Any) -> None:
    """Refuses a file of which a group of rows becomes more than its size allows.

    A few bytes can stand for any number of equal values.
    """
    size = file.stat().st_size
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        values = sum(group.column(index).num_values for index in range(group.num_columns))
        needed = max(group.total_byte_size, values * _BYTES_PER_VALUE)
        check_expansion(file, size=size, needed=needed)


def _to_entry(row: dict[str, Any], column: str, number: int) -> Entry:
    image = row.pop(column, None)
    parts = image if isinstance(image, Mapping) else {"bytes": image}
    path, content = parts.get("path"), parts.get("bytes")
    name = path if isinstance(path, str) and PurePosixPath(path).name else f"row {number}"
    return {**row, FILE: name, CONTENT: content}


def _find_names(value: Any, depth: int) -> Iterator[Any]:
    """The names of class labels anywhere in a description of columns."""
    if depth == 0:
        return
    if isinstance(value, Mapping):
        if value.get("_type") == "ClassLabel" and "names" in value:
            yield value["names"]
        for inner in value.values():
            yield from _find_names(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _find_names(inner, depth - 1)
