"""Differences of two values of a graph: tensor by tensor, in structures and containers, too.

Legend: R regions of one model, S of the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from composer.comparison.matching import count_matched_boxes
from composer.comparison.plain_numbers import plain_number
from composer.structures import ImageBatch, ImageList, Instances, TensorStructure
from composer.values import describe

_SHOWN = 3


@dataclass(frozen=True)
class ValueDifference:
    """The difference of one value.

    Args:
        largest: largest absolute difference of a number; None if nothing can be compared.
        relative: that, relative to the largest absolute number of the same tensor; of whole
            numbers and booleans the share of entries that differ. The largest of all tensors.
        where: the tensor and the entry of the largest relative difference: `p3[0, 4, 1, 7]`.
        rows: numbers of rows (boxes, regions, anchors) of both models, where they differ.
        matched: boxes of the first model that the second has, too, in whatever order, and how many
            there are; where row by row they differ.
        remark: why something cannot be compared; empty otherwise.
    """

    largest: float | None = None
    relative: float | None = None
    where: str = ""
    rows: tuple[int, int] | None = None
    matched: tuple[int, int] | None = None
    remark: str = ""

    @property
    def noun(self) -> str:
        """What its rows are called."""
        return "rows" if self.matched is None else "boxes"

    @property
    def has_other_regions(self) -> bool:
        """Whether these are boxes and others: in number, or in their places."""
        if self.matched is None:
            return False
        return self.rows is not None or self.matched[0] < self.matched[1]

    @property
    def is_zero(self) -> bool:
        """Whether no number differs."""
        return not self.largest

    @property
    def is_exact(self) -> bool:
        """Whether the values are equal in every bit that can be compared."""
        return not self.remark and self.rows is None and not self.largest

    def is_within(self, tolerance: float) -> bool:
        """Whether the values are the same up to a relative tolerance."""
        if self.remark or self.rows is not None:
            return False
        return self.relative is None or self.relative <= tolerance

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values; infinite ones as text."""
        return {key: plain_number(value) for key, value in asdict(self).items()}

    def __str__(self) -> str:
        parts = []
        if self.remark:
            parts.append(self.remark)
        if self.rows is not None:
            parts.append("{} and {} {}".format(*self.rows, self.noun))
        if self.largest is not None and self.rows is None and not (self.remark and self.is_zero):
            parts.append(f"{self.largest:.1e}, {self.relative:.1e} of the maximum")
            parts += [f"at {self.where}"] if self.where and self.largest else []
        if self.matched is not None:
            parts.append("{} of {} boxes are the same".format(*self.matched))
        return ", ".join(parts) or "nothing to compare"


def compare_values(one: Any, other: Any) -> ValueDifference:
    """Compares two values of a port.

    Args:
        one: the first model's.
        other: the second's.
    """
    ours, theirs = dict(_walk(one)), dict(_walk(other))
    remark = _find_missing(ours, theirs)
    worst = ValueDifference(remark=remark)
    lengths: dict[str, tuple[int, int]] = {}
    has_other_rows = False
    for name, leaf in ours.items():
        if name not in theirs:
            continue
        found = _compare_leaf(name, leaf, theirs[name])
        has_other_rows |= found.rows is not None
        if isinstance(leaf, Tensor) and leaf.ndim and isinstance(theirs[name], Tensor):
            # The fields of an image's instances have one length, which counts once.
            lengths.setdefault(name.partition(".")[0], (len(leaf), len(theirs[name])))
        worst = _worse(worst, found)
    counts = None
    if has_other_rows:
        counts = (sum(a for a, _ in lengths.values()), sum(b for _, b in lengths.values()))
    matched = None
    if counts is not None or (worst.relative or 0.0) > 0:
        matched = count_matched_boxes(one, other)
    return ValueDifference(
        worst.largest, worst.relative, worst.where, counts, matched, worst.remark
    )


def _worse(one: ValueDifference, other: ValueDifference) -> ValueDifference:
    remark = one.remark or other.remark
    if other.relative is None or (one.relative is not None and one.relative >= other.relative):
        largest = max(filter(None, (one.largest, other.largest)), default=one.largest)
        return ValueDifference(largest, one.relative, one.where, remark=remark)
    largest = max(one.largest or 0.0, other.largest or 0.0)
    return ValueDifference(largest, other.relative, other.where, remark=remark)


def _walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors, numbers and texts inside a value, each with a name."""
    if isinstance(value, Instances):
        members: Iterator[tuple[str, Any]] = iter(value.get_fields().items())
        members = iter([*members, ("image_size", tuple(value.image_size))])
    elif isinstance(value, ImageList):
        members = iter([("", value.tensor), ("sizes", list(value.image_sizes))])
    elif isinstance(value, ImageBatch):
        members = ((f"[{index}]", record) for index, record in enumerate(value))
    elif isinstance(value, TensorStructure):
        tensors = list(value.tensors())
        single = len(tensors) == 1
        members = (("" if single else f"[{i}]", each) for i, each in enumerate(tensors))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        members = zip(value._fields, value, strict=True)
    elif isinstance(value, Mapping):
        members = ((str(key), each) for key, each in value.items())
    elif isinstance(value, (list, tuple)):
        members = ((f"[{index}]", each) for index, each in enumerate(value))
    else:
        yield name, value
        return
    for key, each in members:
        joined = f"{name}.{key}" if name and key and not key.startswith("[") else f"{name}{key}"
        yield from _walk(each, joined)


def _find_missing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """A remark on what only one of the values has; empty if there is nothing."""
    for which, names, others in (("first", ours, theirs), ("second", theirs, ours)):
        missing = [name or "the value" for name in names if name not in others]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            verb = "is" if len(missing) == 1 else "are"
            return f"{', '.join(missing[:_SHOWN])}{more} {verb} in the {which} only"
    return ""


def _compare_leaf(name: str, one: Any, other: Any) -> ValueDifference:
    numbers = _as_tensor(one), _as_tensor(other)
    a, b = numbers
    if a is None or b is None:
        if (a is None and b is None) and _are_equal(one, other):
            return ValueDifference()
        shown = f"{describe(one):.40} and {describe(other):.40}"
        return ValueDifference(remark=f"{name or 'the value'}: {shown}")
    if a.shape != b.shape:
        if a.ndim == b.ndim and a.ndim and a.shape[1:] == b.shape[1:]:
            return ValueDifference(rows=(len(a), len(b)))
        shapes = " and ".join("x".join(map(str, each.shape)) or "a number" for each in (a, b))
        return ValueDifference(remark=f"{name or 'the shape'}: {shapes}")
    return _compare_tensors(name, a, b)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values that are no numbers are equal; what cannot say so is not."""
    try:
        return one is other or bool(one == other)
    except Exception:  # whatever a stranger's class makes of being compared
        return False


def _as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
    return torch.tensor(value) if isinstance(value, (bool, int, float)) else None


def _compare_tensors(name: str, one: Tensor, other: Tensor) -> ValueDifference:
    if not one.numel():
        return ValueDifference(0.0, 0.0)
    if torch.equal(one, other):
        return ValueDifference(0.0, 0.0)
    a, b = one.double(), other.double()
    is_same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(is_same, 0.0, (a - b).abs()).nan_to_num(nan=math.inf, posinf=math.inf)
    largest = float(apart.max())
    if _is_counted(one) and _is_counted(other):
        relative = float((~is_same).double().mean())
    else:
        peak = float(a.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max())
        relative = largest / peak if peak else largest
    place = torch.unravel_index(apart.argmax(), apart.shape)
    index = f"[{', '.join(str(int(each)) for each in place)}]" if one.ndim else ""
    return ValueDifference(largest, relative, f"{name}{index}")


def _is_counted(tensor: Tensor) -> bool:
    """Whether numbers are indices, classes or booleans, of which a small difference is none."""
    return not tensor.is_floating_point() and tensor.dtype != torch.uint8
