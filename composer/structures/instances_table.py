"""The objects of an image as a table: one row an object, one column a field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

_MAX_NUMBERS = 5
_DIGITS = 3
_SHORT_NAMES = {"pred_boxes": "box", "pred_classes": "class", "scores": "score"}


def describe_field(value: Any) -> str:
    """A field in a few words: its numbers where they are few, else its form."""
    if isinstance(value, Tensor):
        if value.ndim == 1 and value.dtype.is_complex is False:
            shown = [write_number(number) for number in value[:_MAX_NUMBERS].tolist()]
            return f"[{', '.join(shown)}{', ...' if len(value) > _MAX_NUMBERS else ''}]"
        shape = "x".join(str(size) for size in value.shape)
        return f"{shape} {str(value.dtype).removeprefix('torch.')}"
    if callable(getattr(value, "summary", None)):
        return str(value.summary())
    return f"{len(value)} {type(value).__name__}"


def write_number(number: object) -> str:
    """A number with few digits."""
    return f"{number:.{_DIGITS}g}" if isinstance(number, float) else str(number)


def list_columns(fields: Mapping[str, Any]) -> list[str]:
    """The names of the columns, after the number of the object.

    Args:
        fields: the fields by name.
    """
    return [_SHORT_NAMES.get(name, name) for name in fields]


def list_rows(fields: Mapping[str, Any], limit: int) -> Iterator[Sequence[str]]:
    """The rows of the table, each with the number of the object.

    Args:
        fields: the fields by name, of one length.
        limit: how many rows.
    """
    length = min((len(value) for value in fields.values()), default=0)
    for place in range(min(limit, length)):
        yield str(place), *(_describe_entry(value, place) for value in fields.values())


def _describe_entry(value: Any, place: int) -> str:
    tensor = value if isinstance(value, Tensor) else getattr(value, "tensor", None)
    if not isinstance(tensor, Tensor):
        entry = value[place]
        return entry if isinstance(entry, str) else type(entry).__name__
    entry = tensor[place].detach()
    if str(entry.dtype) == "torch.bool" and entry.ndim:
        return f"{int(entry.sum())} of {entry.numel()}"
    if entry.numel() > _MAX_NUMBERS:
        return "x".join(str(size) for size in entry.shape)
    numbers = entry.flatten().tolist()
    is_box = tensor is not value and len(numbers) > 1
    shown = [f"{one:.1f}" if is_box else write_number(one) for one in numbers]
    return ", ".join(shown)
