"""The `list[dict]` format, the input of detection models: one dict an image.

Legend: C channels, `_` an image's own height and width.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, overload

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from composer.structures.foreign_structures import adopt_instances
from composer.structures.instances import Instances
from composer.structures.traversal import iterate_tensors, map_tensors

T = TypeVar("T")

_KEYS = (
    *("image", "height", "width", "instances", "proposals", "sem_seg", "panoptic_seg"),
    *("file_name", "image_id"),
)
_ALIKE = 0.8  # how alike a key is to the one that is meant
_INSTANCES_KEYS = ("instances", "proposals")


class ImageBatch(Sequence[dict[str, Any]]):
    """Images with their annotations.

    Each record is a dict with `image`, a tensor of C x H x W, and optionally:
    `height` and `width` (the requested size of the output, by default the image's own), `instances`
    (ground truth), `proposals`, `sem_seg`, `file_name`, `image_id`. Other keys are kept.

    Args:
        records: the dicts, unchecked; `from_records` checks them.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._records = tuple(dict(record) for record in records)

    @classmethod
    def from_records(cls, records: object) -> "ImageBatch":
        """Checks records and wraps them. An ImageBatch is returned as it is.

        What looks like Instances (detectron2's, for example) becomes Instances; see
        `adopt_instances`.

        Raises:
            TypeError: it is no list of dicts, or a value is of the wrong type.
            ValueError: a key is missing or a value does not fit. All that is wrong is listed,
                with the record's index and the key.
        """
        if isinstance(records, ImageBatch):
            return records
        if isinstance(records, Mapping):
            raise TypeError("A batch is a list of dicts, one an image: put this dict into a list.")
        if not isinstance(records, list | tuple):
            raise TypeError(f"A batch is a list of dicts, one an image, not a {_kind(records)}.")
        adopted = [_adopt(record) for record in records]
        problems = [
            problem
            for index, (record, entries) in enumerate(zip(records, adopted, strict=True))
            for problem in _check(record, entries, index)
        ]
        if problems:
            raise type(problems[0])("\n".join(str(problem) for problem in problems))
        return cls(
            [{**record, **entries} for record, entries in zip(records, adopted, strict=True)]
        )

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "ImageBatch": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | ImageBatch":
        if isinstance(index, slice):
            return ImageBatch(self._records[index])
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"ImageBatch({self.summary()})"

    def summary(self) -> str:
        """Describes it in a few words."""
        sizes = ", ".join("x".join(map(str, record["image"].shape)) for record in self._records)
        count = f"{len(self)} image{'' if len(self) == 1 else 's'}"
        return count + (f": {sizes}" if sizes else "")

    @property
    def images(self) -> list[Shaped[Tensor, "_ _ _"]]:
        """The images as they are, C x H x W."""
        return self._collect("image", Tensor)

    @property
    def instances(self) -> list[Instances]:
        """The ground truth of every image."""
        return self._collect("instances", Instances)

    @property
    def proposals(self) -> list[Instances]:
        """Precomputed proposals of every image."""
        return self._collect("proposals", Instances)

    @property
    def sem_seg(self) -> list[Int[Tensor, "_ _"]]:
        """The semantic ground truth of every image: a class index per pixel."""
        return self._collect("sem_seg", Tensor)

    @property
    def output_sizes(self) -> list[tuple[int, int]]:
        """The requested (height, width) of every image's output, by default the image's own."""
        return [
            (
                int(record.get("height", record["image"].shape[-2])),
                int(record.get("width", record["image"].shape[-1])),
            )
            for record in self._records
        ]

    def to(self, *args: Any, **kwargs: Any) -> "ImageBatch":
        """Returns the batch with every tensor moved as `Tensor.to` does."""
        return self.map_tensors(lambda tensor: tensor.to(*args, **kwargs))

    def tensors(self) -> Iterator[Tensor]:
        """Yields every tensor of every record."""
        yield from iterate_tensors(self._records)

    def map_tensors(self, fn: Callable[[Tensor], Tensor]) -> "ImageBatch":
        """Returns a batch with `fn` applied to every tensor of every record."""
        return ImageBatch(map_tensors(fn, self._records))

    def _collect(self, key: str, kind: type[T]) -> list[T]:
        """Returns the value of a key of every record."""
        values = []
        for index, record in enumerate(self._records):
            if key not in record:
                raise ValueError(
                    f"Record {index} has no '{key}'; it has {', '.join(map(repr, record))}."
                )
            if not isinstance(record[key], kind):
                raise ValueError(
                    f"Record {index}: '{key}' must be {kind.__name__}, "
                    f"but is a {_kind(record[key])}."
                )
            values.append(record[key])
        return values


def _adopt(record: object) -> dict[str, Any]:
    """Returns a record's Instances by key; an error in the place of some that cannot be made."""
    entries: dict[str, Any] = {}
    for key in _INSTANCES_KEYS:
        if isinstance(record, Mapping) and key in record:
            try:
                entries[key] = adopt_instances(record[key])
            except (AttributeError, TypeError, ValueError) as error:
                entries[key] = error
    return entries


def _check(
    record: object, adopted: Mapping[str, Any], index: int
) -> Iterator[TypeError | ValueError]:
    """Yields the faults of one record."""
    if not isinstance(record, Mapping):
        yield TypeError(f"Record {index} is a {_kind(record)}, but it must be a dict.")
        return
    for key, meant in _find_misspelt(record):
        yield ValueError(f"Record {index} has the key {key!r}. Did you mean '{meant}'?")
    if "image" not in record:
        keys = ", ".join(map(repr, record)) or "no keys"
        yield ValueError(f"Record {index} has no 'image'; it has {keys}.")
    else:
        yield from _check_image(record["image"], index)
    for key in ("height", "width"):
        value = record.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            yield TypeError(f"Record {index}: '{key}' must be an int, but is a {_kind(value)}.")
        elif value < 1:
            yield ValueError(f"Record {index}: '{key}' must be positive, but it is {value}.")
    for key, value in adopted.items():
        if isinstance(value, Exception):
            yield ValueError(f"Record {index}: '{key}' cannot be Instances: {value}")


def _find_misspelt(record: Mapping[Any, Any]) -> Iterator[tuple[object, str]]:
    """Keys that are nearly a known one that the record does not have, each with that one."""
    missing = [key for key in _KEYS if key not in record]
    for key in record:
        if isinstance(key, str) and key not in _KEYS:
            for meant in get_close_matches(key.lower(), missing, n=1, cutoff=_ALIKE):
                yield key, meant


_NUM_CHANNELS = (1, 3, 4)


def _check_image(image: object, index: int) -> Iterator[TypeError | ValueError]:
    if isinstance(image, np.ndarray):
        yield TypeError(
            f"Record {index}: 'image' is a numpy array of {image.shape}; it must be a tensor of "
            "C x H x W. An array of H x W x C becomes one with "
            "torch.as_tensor(array.transpose(2, 0, 1).copy())."
        )
    elif not isinstance(image, Tensor):
        yield TypeError(f"Record {index}: 'image' must be a tensor, but is a {_kind(image)}.")
    elif image.ndim != 3:
        hint = ""
        if image.ndim == 2:
            hint = " A gray image of H x W becomes one with image.expand(3, -1, -1)."
        yield ValueError(
            f"Record {index}: 'image' must be C x H x W, but its shape is {tuple(image.shape)}."
            f"{hint}"
        )
    elif image.shape[2] in _NUM_CHANNELS and min(image.shape[:2]) > max(_NUM_CHANNELS):
        grey = ".expand(3, -1, -1)" if image.shape[2] == 1 else ""
        yield ValueError(
            f"Record {index}: 'image' must be C x H x W, but its shape is {tuple(image.shape)}. An "
            f"image of H x W x C becomes one with image.permute(2, 0, 1){grey}."
        )
    elif 0 in image.shape:
        yield ValueError(f"Record {index}: 'image' has no pixels: {tuple(image.shape)}.")
    elif image.dtype != torch.uint8 and not image.dtype.is_floating_point:
        yield TypeError(
            f"Record {index}: 'image' is {image.dtype}; images are torch.uint8, values from 0 to "
            "255, or floating point."
        )


def _kind(value: object) -> str:
    return type(value).__name__
