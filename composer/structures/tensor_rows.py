"""Structures of one tensor with a row for each object: boxes, masks, keypoints.

Legend: B boxes. `_` is the numbers of a box.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.indexing import Index, normalize_index

Rows = TypeVar("Rows", bound="TensorRows")


class TensorRows(ABC):
    """A tensor with a row for each object. Methods return new structures and change none."""

    noun: ClassVar[str]
    """The rows in messages: `masks`."""

    columns: ClassVar[int | None] = None
    """Numbers of a row; None where that is another number from case to case."""

    def __init__(self, tensor: Any) -> None:
        self.tensor: Tensor = tensor

    @property
    def device(self) -> torch.device:
        """The tensor's device."""
        return self.tensor.device

    def __len__(self) -> int:
        return self.tensor.shape[0]

    def __getitem__(self: Rows, index: Index) -> Rows:
        return type(self)(self.tensor[normalize_index(index, len(self))])

    @abstractmethod
    def summary(self) -> str:
        """Describes the rows in a few words."""

    def to(self: Rows, *args: Any, **kwargs: Any) -> Rows:
        """Returns the rows on another device; takes what `Tensor.to` takes."""
        return type(self)(self.tensor.to(*args, **kwargs))

    def tensors(self) -> Iterator[Tensor]:
        """Yields its only tensor."""
        yield self.tensor

    def map_tensors(self: Rows, fn: Callable[[Tensor], Tensor]) -> Rows:
        """Returns rows of `fn(tensor)`."""
        return type(self)(fn(self.tensor))

    @classmethod
    def cat(cls: type[Rows], parts: Iterable[Rows]) -> Rows:
        """Joins rows of one size; no sets of boxes make no boxes.

        Raises:
            ValueError: there are no parts, though only these could tell the size of a row.
        """
        tensors = [part.tensor for part in parts]
        if not tensors and cls.columns is None:
            raise ValueError(f"There are no {cls.noun} to join.")
        return cls(torch.cat(tensors) if tensors else torch.zeros(0, cls.columns or 0))


class BoxRows(TensorRows):
    """Rows of numbers, one a box. Methods return new boxes and change none.

    Args:
        tensor: B rows, or anything `torch.as_tensor` takes. Integers and half precision become
            float32. An empty one of any shape means no boxes.

    Raises:
        ValueError: it is not a matrix with as many columns as a box has numbers.
    """

    noun = "boxes"
    form: ClassVar[str]
    """The form of boxes in messages: `Boxes are rows of four numbers`."""

    def __init__(self, tensor: Tensor | Sequence[Any]) -> None:
        assert self.columns is not None
        tensor = torch.as_tensor(tensor)
        if tensor.dtype != torch.float64:
            tensor = tensor.to(torch.float32)
        if tensor.numel() == 0:
            is_wide = tensor.shape[-1:] == (self.columns,)
            tensor = (
                tensor.reshape(-1, self.columns) if is_wide else tensor.new_zeros(0, self.columns)
            )
        if tensor.ndim != 2 or tensor.shape[1] != self.columns:
            raise ValueError(f"{self.form}, not {tuple(tensor.shape)}.")
        super().__init__(tensor)

    def __iter__(self) -> Iterator[Float[Tensor, "_"]]:
        """Yields one row per box."""
        yield from self.tensor

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.tensor})"

    @abstractmethod
    def get_sides(self) -> Float[Tensor, "B 2"]:
        """Returns each box's (width, height) in pixels."""

    def nonempty(self, threshold: float = 0.0) -> Bool[Tensor, "B"]:
        """Returns which boxes have both sides longer than `threshold` pixels."""
        return (self.get_sides() > threshold).all(dim=1)

    def clone(self: Rows) -> Rows:
        """Returns a copy that shares no memory."""
        return type(self)(self.tensor.clone())
