"""Rows of images as arrays by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from composer.row_files import Column, ImageRows, to_numpy

_NOTHING = {"f": np.nan, "i": -1, "u": 0, "b": False}


def join_rows(
    rows: Sequence[ImageRows], columns: Sequence[Column], kept: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """The rows of a batch of images, one after the other.

    Args:
        rows: of each image.
        columns: of all rows.
        kept: columns with an entry an image, which each of its rows gets.

    Returns:
        Arrays by column: numbers; tensors of one shape; and arrays of objects for texts, lists and
        tensors of any shape. An image with an error has one row, with NaN, -1 or nothing.
    """
    counts = [count_rows(one) for one in rows]
    joined: dict[str, NDArray[Any]] = {
        name: np.repeat(np.asarray(values), counts, axis=0) for name, values in kept.items()
    }
    joined["file_name"] = _objects([one.file_name or "" for one in rows], counts)
    for name in ("height", "width"):
        sizes = [getattr(one, name) or 0 for one in rows]
        joined[name] = np.repeat(np.asarray(sizes, dtype=np.int32), counts)
    for column in columns:
        joined[column.name] = _join(column, rows)
    joined["error"] = _objects([one.error or "" for one in rows], counts)
    return joined


def count_rows(rows: ImageRows) -> int:
    """The rows that an image has in a file: one if it has an error."""
    return rows.length if rows.error is None else 1


def _objects(values: Sequence[Any], counts: Sequence[int]) -> NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return np.repeat(found, counts)


def _join(column: Column, rows: Sequence[ImageRows]) -> NDArray[Any]:
    if column.kind in ("number", "tensor"):
        parts = [_read_numbers(column, one) for one in rows]
        empty = np.zeros((0, *column.shape), dtype=column.dtype)
        return np.concatenate(parts) if parts else empty
    found: list[Any] = []
    for one in rows:
        found += [_find_nothing(column)] if one.error is not None else _list_values(column, one)
    objects = np.empty(len(found), dtype=object)
    for place, value in enumerate(found):
        objects[place] = value
    return objects


def _read_numbers(column: Column, rows: ImageRows) -> NDArray[Any]:
    dtype = np.dtype(column.dtype)
    if rows.error is not None:
        return np.full((1, *column.shape), _NOTHING[dtype.kind], dtype=dtype)
    values = rows.columns[column.name]
    whole = values if isinstance(values, torch.Tensor) else torch.stack([*values])
    found: NDArray[Any] = to_numpy(whole, column.dtype)
    return found


def _list_values(column: Column, rows: ImageRows) -> list[Any]:
    values = rows.columns[column.name]
    if column.kind in ("text", "texts"):
        return [*values]
    return [to_numpy(one, column.dtype) for one in values]


def _find_nothing(column: Column) -> Any:
    if column.kind == "text":
        return ""
    if column.kind == "texts":
        return []
    shape = (0, *column.shape) if column.kind == "list" else (0,)
    return np.zeros(shape, dtype=column.dtype)
