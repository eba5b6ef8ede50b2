"""Rows of images as batches of Arrow, by the columns that a file has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from composer.errors import InputError
from composer.row_files.columns import DENSE_FILE, DENSE_KEY, Column
from composer.row_files.image_rows import ImageRows

NEEDED = (
    "Parquet files need pyarrow, which is not installed: pip install 'detection-composer[parquet]'"
)


def require_pyarrow() -> None:
    """Makes sure that Parquet files can be written.

    Raises:
        InputError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise InputError(NEEDED)


def make_schema(columns: Sequence[Column], metadata: Mapping[str, str]) -> Any:
    """The schema of a file: what each column is stands in its metadata, too.

    Args:
        columns: the columns.
        metadata: of the file.
    """
    import pyarrow as pa

    fields = [
        pa.field("image", pa.int64()),
        pa.field("file_name", pa.string()),
        pa.field("height", pa.int32()),
        pa.field("width", pa.int32()),
    ]
    for column in columns:
        if column.kind != "dense":
            shape = {"shape": json.dumps(column.shape)} if column.shape else None
            fields.append(pa.field(column.name, _find_type(column), metadata=shape))
    if any(column.kind == "dense" for column in columns):
        fields += [pa.field(DENSE_FILE, pa.string()), pa.field(DENSE_KEY, pa.string())]
    fields.append(pa.field("error", pa.string()))
    return pa.schema(fields, metadata=dict(metadata))


def make_batch(
    rows: ImageRows, columns: Sequence[Column], schema: Any, dense: Mapping[str, list[Any]]
) -> Any:
    """The rows of one image; of one with an error a row that says it.

    Args:
        rows: the rows.
        columns: the columns of the file.
        schema: the schema of the file.
        dense: for each row the file and the key of its dense tensors, by column.

    Raises:
        InputError: a tensor has another shape than in the rest of the file.
    """
    import pyarrow as pa

    length = rows.length if rows.error is None else 1
    arrays: dict[str, Any] = {
        "image": [rows.image] * length,
        "file_name": [to_utf8(rows.file_name)] * length,
        "height": [rows.height] * length,
        "width": [rows.width] * length,
        "error": [to_utf8(rows.error)] * length,
        **dense,
    }
    by_name = {column.name: column for column in columns}
    found = []
    for field in schema:
        column = by_name.get(field.name)
        if rows.error is not None and field.name not in arrays:
            found.append(pa.nulls(1, field.type))
        elif column is None:
            found.append(pa.array(arrays[field.name], field.type))
        else:
            found.append(_make_array(column, rows.columns[field.name], field.type))
    return pa.record_batch(found, schema=schema)


def arrange_batch(
    rows: ImageRows, columns: Sequence[Column], schema: Any, more: Mapping[str, Any]
) -> Any:
    """The rows of one image in a schema with columns before those of every file.

    Args:
        rows: the rows.
        columns: the columns of the file.
        schema: that of `make_schema`, with more columns before.
        more: the value of each of these, the same in all rows.
    """
    import pyarrow as pa

    own = pa.schema([field for field in schema if field.name not in more])
    batch = make_batch(rows, columns, own, {})
    before = [
        pa.array([value] * batch.num_rows, schema.field(name).type) for name, value in more.items()
    ]
    return pa.record_batch([*before, *batch.columns], schema=schema)


def to_utf8(text: str | None) -> str | None:
    """A text without what UTF-8 does not have: bytes of a file name in another encoding."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def to_numpy(tensor: Tensor, dtype: str) -> Any:
    """A tensor as an array of a type by name."""
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return plain.contiguous().numpy().astype(np.dtype(dtype), copy=False)


def _find_type(column: Column) -> Any:
    import pyarrow as pa

    if column.kind == "text":
        return pa.string()
    if column.kind == "texts":
        return pa.list_(pa.string())
    number = pa.from_numpy_dtype(np.dtype(column.dtype))
    item = pa.list_(number) if column.shape else number
    return pa.list_(item) if column.kind == "list" else item


def _make_array(column: Column, values: Any, kind: Any) -> Any:
    import pyarrow as pa

    if column.kind in ("text", "texts"):
        return pa.array(values, kind)
    if column.kind == "list":
        counts = [len(each) for each in values]
        inner = torch.cat([*values]) if len(counts) != 1 else values[0]
        return pa.ListArray.from_arrays(_find_offsets(counts), _pack(column, inner))
    whole = values if isinstance(values, Tensor) else torch.stack([*values])
    return _pack(column, whole)


def _pack(column: Column, tensor: Tensor) -> Any:
    """The entries of a tensor along its first dimension: numbers, or flat lists of them."""
    import pyarrow as pa

    if tuple(tensor.shape[1:]) != column.shape:
        shapes = (" x ".join(map(str, one)) for one in (tensor.shape[1:], column.shape))
        raise InputError(f"'{column.name}' has the shape {' here and '.join(shapes)} elsewhere")
    flat = pa.array(to_numpy(tensor, column.dtype).reshape(-1))
    if not column.shape:
        return flat
    return pa.ListArray.from_arrays(_find_offsets([column.size] * len(tensor)), flat)


def _find_offsets(counts: Sequence[int]) -> Any:
    import pyarrow as pa

    return pa.array(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int32))
