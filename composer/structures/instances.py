"""The objects of one image, field by field."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NoReturn

import torch
from torch import Tensor

from composer.html_parts import make_heading, make_table
from composer.structures.indexing import Index, normalize_index, select_items
from composer.structures.instances_table import describe_field, list_columns, list_rows
from composer.structures.traversal import iterate_tensors, map_tensors

_MAX_ROWS = 20  # of a table in a notebook


class Instances:
    """Fields of equal length, one entry per object of an image.

    A field is read and written as an attribute. It may be a tensor, a structure of this package,
    a list, or anything that has a length and can be indexed.

        instances = Instances((480, 640), pred_boxes=Boxes(...), scores=torch.rand(3))
        instances.pred_classes = torch.zeros(3, dtype=torch.long)
        confident = instances[instances.scores > 0.5]

    Args:
        image_size: (height, width) of the image that the fields refer to.
        fields: the first fields.

    Raises:
        TypeError: a field has no length.
        ValueError: a field has another length than the fields before it.
    """

    def __init__(self, image_size: tuple[int, int], **fields: Any) -> None:
        height, width = image_size
        self._image_size: tuple[int, int] | Tensor = (int(height), int(width))
        self._fields: dict[str, Any] = {}
        for name, value in fields.items():
            self.set(name, value)

    @property
    def image_size(self) -> tuple[int, int]:
        """The image's (height, width); read from a tensor when needed."""
        if isinstance(self._image_size, Tensor):
            height, width = self._image_size.tolist()
            self._image_size = (height, width)
        return self._image_size

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self.set(name, value)

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling look for names before there are any fields.
        if name.startswith("_"):
            raise AttributeError(f"Instances has no attribute '{name}'.")
        return self.get(name)

    def __delattr__(self, name: str) -> None:
        self.remove(name)

    def set(self, name: str, value: Any) -> None:
        """Sets a field.

        Raises:
            AttributeError: the name belongs to Instances itself.
            TypeError: the value has no length.
            ValueError: the length differs from that of the other fields.
        """
        if hasattr(type(self), name):
            raise AttributeError(f"'{name}' belongs to Instances and cannot be a field.")
        if not hasattr(value, "__len__"):
            raise TypeError(f"Field '{name}' is a {type(value).__name__}, which has no length.")
        others = [other for other in self._fields if other != name]
        if others and len(value) != len(self._fields[others[0]]):
            raise ValueError(
                f"Field '{name}' has {len(value)} entries, "
                f"but '{others[0]}' has {len(self._fields[others[0]])}."
            )
        self._fields[name] = value

    def has(self, name: str) -> bool:
        """Returns whether there is a field of that name."""
        return name in self._fields

    def get(self, name: str) -> Any:
        """Returns a field.

        Raises:
            AttributeError: there is none of that name; the message lists the fields.
        """
        if name not in self._fields:
            self._refuse(name)
        return self._fields[name]

    def remove(self, name: str) -> None:
        """Removes a field.

        Raises:
            AttributeError: there is none of that name.
        """
        if name not in self._fields:
            self._refuse(name)
        del self._fields[name]

    def get_fields(self) -> dict[str, Any]:
        """Returns the fields by name. Use `set` to change one."""
        return dict(self._fields)

    def __len__(self) -> int:
        for value in self._fields.values():
            return len(value)
        raise NotImplementedError("Instances without fields have no length.")

    def __iter__(self) -> NoReturn:
        raise NotImplementedError(
            "Instances are not iterable: take instances[i] for i in range(len(instances))."
        )

    def __getitem__(self, index: Index) -> "Instances":
        """Selects entries of every field; a single position returns Instances of length 1."""
        selection = normalize_index(index, len(self))
        picked = Instances(self.image_size)
        for name, value in self._fields.items():
            if isinstance(value, list | tuple):
                picked.set(name, select_items(value, selection))
            else:
                picked.set(name, value[selection])
        return picked

    def to(self, *args: Any, **kwargs: Any) -> "Instances":
        """Returns the instances with every field that has a `to` moved by it."""
        moved = Instances(self.image_size)
        for name, value in self._fields.items():
            moved.set(name, value.to(*args, **kwargs) if hasattr(value, "to") else value)
        return moved

    def tensors(self) -> Iterator[Tensor]:
        """Yields every tensor of every field."""
        yield from iterate_tensors(self._fields)

    def map_tensors(self, fn: Callable[[Tensor], Tensor]) -> "Instances":
        """Returns instances with `fn` applied to every tensor of every field."""
        return Instances(self.image_size, **map_tensors(fn, self._fields))

    @staticmethod
    def cat(instance_lists: Sequence["Instances"]) -> "Instances":
        """Joins instances of one image.

        Raises:
            ValueError: there is nothing to join, or image sizes or fields differ.
        """
        if not instance_lists:
            raise ValueError("There are no Instances to join.")
        first = instance_lists[0]
        for other in instance_lists[1:]:
            if other.image_size != first.image_size:
                raise ValueError(
                    f"Instances of images of {first.image_size} and {other.image_size} "
                    "cannot be joined."
                )
            if other._fields.keys() != first._fields.keys():
                raise ValueError(
                    f"Instances with fields {sorted(first._fields)} and {sorted(other._fields)} "
                    "cannot be joined."
                )
        joined = Instances(first.image_size)
        for name in first._fields:
            joined.set(name, _join([instances.get(name) for instances in instance_lists]))
        return joined

    def __repr__(self) -> str:
        height, width = self.image_size
        count = len(self) if self._fields else 0
        fields = ", ".join(f"{name}: {describe_field(v)}" for name, v in self._fields.items())
        return (
            f"Instances(num_instances={count}, image_height={height}, "
            f"image_width={width}, fields=[{fields}])"
        )

    def _repr_html_(self) -> str:
        """The objects as a table, in notebooks."""
        height, width = self.image_size
        count = len(self) if self._fields else 0
        heading = make_heading(f"{self.summary()} in an image of {height} x {width}")
        rows = list_rows(self._fields, _MAX_ROWS)
        table = make_table(
            ["", *list_columns(self._fields)], rows, left_out=max(0, count - _MAX_ROWS)
        )
        return heading + table

    def summary(self) -> str:
        """Describes it in a few words."""
        count = len(self) if self._fields else 0
        return f"{count} instance{'' if count == 1 else 's'}"

    def _refuse(self, name: str) -> NoReturn:
        known = ", ".join(self._fields) or "none"
        close = difflib.get_close_matches(name, self._fields, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise AttributeError(f"Instances have no field '{name}'.{hint} Fields: {known}.")


def _join(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(values)
    if isinstance(first, list | tuple):
        return list(chain.from_iterable(values))
    if hasattr(type(first), "cat"):
        return type(first).cat(values)
    raise ValueError(f"Fields of type {type(first).__name__} cannot be joined.")
