"""One meaning of `structure[index]` for everything that holds one entry per box or instance."""

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Index: TypeAlias = (
    SupportsIndex | slice | Tensor | NDArray[Any] | list[int] | list[bool] | tuple[int, ...]
)
Selection: TypeAlias = slice | Tensor

T = TypeVar("T")


def normalize_index(index: Index, length: int) -> Selection:
    """Turns any way to index into a slice or a tensor of positions.

    A single position becomes a slice of one entry, so the result of indexing is always a
    structure again. A mask of booleans becomes the positions at which it is true.

    Args:
        index: position, slice, positions or mask of booleans.
        length: number of entries that are indexed.

    Returns:
        A slice, or an int64 tensor of positions.

    Raises:
        IndexError: a position is out of range, or a mask has another length.
        TypeError: it is none of the above.
    """
    if isinstance(index, slice):
        return index
    if isinstance(index, Tensor | np.ndarray | list | tuple):
        return _normalize_positions(torch.as_tensor(index), length)
    try:
        return _normalize_position(operator.index(index), length)
    except TypeError:
        raise TypeError(
            "An index is an int, a slice, a tensor of positions or a mask of booleans, "
            f"not {type(index).__name__}."
        ) from None


def select_items(items: Sequence[T], selection: Selection) -> list[T]:
    """Returns the selected members of a sequence as a list."""
    if isinstance(selection, slice):
        return list(items[selection])
    return [items[position] for position in selection.tolist()]


def _normalize_positions(index: Tensor, length: int) -> Selection:
    if index.ndim == 0 and not index.is_floating_point() and index.dtype != torch.bool:
        return _normalize_position(int(index), length)
    if index.ndim != 1:
        raise IndexError(f"An index has one dimension, this one has {index.ndim}.")
    if index.numel() == 0 and index.dtype != torch.bool:
        return index.long()
    if index.dtype == torch.bool:
        if len(index) != length:
            raise IndexError(f"A mask of {len(index)} booleans cannot index {length} entries.")
        return index.nonzero().squeeze(1)
    if index.is_floating_point() or index.is_complex():
        raise TypeError(f"Positions are integers, not {index.dtype}.")
    return index.long()


def _normalize_position(position: int, length: int) -> slice:
    if not -length <= position < length:
        raise IndexError(f"Position {position} is out of range for {length} entries.")
    return slice(position % length, position % length + 1)
