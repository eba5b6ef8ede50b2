"""The columns of files of rows: names, kinds, types of numbers and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from composer.errors import InputError
from composer.row_files.image_rows import ImageRows

ColumnKind = Literal["number", "text", "tensor", "list", "texts", "dense"]

_NAMES = {
    torch.float16: "float32",  # many readers of Parquet have no halves
    torch.bfloat16: "float32",
    torch.float32: "float32",
    torch.float64: "float64",
    torch.bool: "bool",
    torch.uint8: "uint8",
    torch.int8: "int8",
    torch.int16: "int16",
    torch.int32: "int32",
    torch.int64: "int64",
}

BEFORE = ("image", "file_name", "height", "width")
AFTER = ("error",)
DENSE_FILE, DENSE_KEY = "dense_file", "dense_key"


@dataclass(frozen=True)
class Column:
    """A column of a file.

    Args:
        name: its name.
        kind: `number`; `text`; `tensor` of one shape, flattened; `list` of any number of these;
            `texts`, any number; or `dense`: tensors of any shape, in a file beside.
        dtype: of the numbers; empty for texts.
        shape: of a tensor, or of each in a list.
    """

    name: str
    kind: ColumnKind
    dtype: str = ""
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Numbers of one tensor."""
        return int(torch.Size(self.shape).numel())


def find_columns(rows: ImageRows, other: ImageRows | None = None) -> tuple[Column, ...]:
    """The columns of rows.

    Args:
        rows: those of one image.
        other: those of an image of another size: a tensor whose shape differs is dense.

    Raises:
        InputError: two columns have one name, or numbers are of a type that files do not have.
    """
    found = []
    for name, values in rows.columns.items():
        if name in (*BEFORE, *AFTER, DENSE_FILE, DENSE_KEY):
            raise InputError(
                f"'{name}' is the name of a column that files have already; name the node by its "
                "full path, or one of its ports"
            )
        column = _find_column(name, values, is_list=name in rows.lists)
        if other is not None and column.kind in ("tensor", "list"):
            another = _find_column(name, other.columns[name], is_list=name in rows.lists)
            if another.shape != column.shape:
                column = Column(name, "dense", column.dtype)
        found.append(column)
    return tuple(found)


def can_vary(rows: ImageRows) -> bool:
    """Whether the shape of a column might depend on the size of the image."""
    return any(
        len(column.shape) > 1 and column.kind in ("tensor", "list") for column in find_columns(rows)
    )


def _find_column(name: str, values: Any, *, is_list: bool) -> Column:
    if isinstance(values, Tensor):
        shape = tuple(values.shape[1:])
        kind: ColumnKind = "tensor" if shape else "number"
        return Column(name, kind, _name_type(name, values), shape)
    if isinstance(values, Sequence) and all(isinstance(value, str) for value in values):
        return Column(name, "text")
    first = values[0] if values else None
    if isinstance(first, Tensor):
        if is_list:
            return Column(name, "list", _name_type(name, first), tuple(first.shape[1:]))
        if first.ndim > 1:
            return Column(name, "dense", _name_type(name, first))
        shape = tuple(first.shape)
        return Column(name, "tensor" if shape else "number", _name_type(name, first), shape)
    if is_list:
        return Column(name, "texts")
    raise InputError(f"'{name}' has values of type {type(first).__name__}, which no column has")


def _name_type(name: str, tensor: Tensor) -> str:
    if tensor.dtype not in _NAMES:
        raise InputError(f"'{name}' is of {tensor.dtype}, which files of rows do not have")
    return _NAMES[tensor.dtype]


def describe_columns(
    columns: Sequence[Column], sources: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What a file says of its columns, as plain values by name.

    Args:
        columns: the columns.
        sources: for names of columns, or what they begin with, the full name of the value.
    """
    return {
        column.name: {
            "kind": column.kind,
            **({"dtype": column.dtype} if column.dtype else {}),
            **({"shape": list(column.shape)} if column.kind in ("tensor", "list") else {}),
            **_find_source(column.name, sources),
        }
        for column in columns
    }


def _find_source(name: str, sources: Mapping[str, str]) -> dict[str, str]:
    matching = [one for one in sources if name == one or name.startswith(f"{one}.")]
    if not matching:
        return {}
    longest = max(matching, key=len)
    return {"source": sources[longest] + name[len(longest) :]}
