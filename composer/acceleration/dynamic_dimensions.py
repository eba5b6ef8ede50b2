"""Which dimensions of a port's tensors differ between runs: images, their sides, and regions.

A port type says it by the letters of its shape: `Float[Tensor, "N _ _ _"]` are maps of N images,
`Float[Tensor, "R ..."]` is something of R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.structures import ImageList

Meaning = Literal["batch", "regions", "height", "width", "rows"]

_LETTERS: dict[str, Meaning] = {"N": "batch", "R": "regions", "H": "height", "W": "width"}
_SIDES: tuple[Meaning, Meaning] = ("height", "width")
_MAP_RANK = 4


class DynamicDimension(NamedTuple):
    """A dimension of a tensor that differs between runs.

    Args:
        axis: its place in the shape, from the front.
        meaning: its meaning. `batch` and `regions` are numbers that all tensors of a part share.
    """

    axis: int
    meaning: Meaning


def find_dynamic_dimensions(
    kind: Any, keys: Sequence[Any], rank: int
) -> tuple[DynamicDimension, ...]:
    """The dimensions of one tensor of a port that differ between runs.

    Args:
        kind: the type of the port.
        keys: where the tensor is in the port's value, as keys of a pytree.
        rank: the number of its dimensions.
    """
    inner, rest = _walk(kind, keys)
    if isinstance(inner, type) and issubclass(inner, ImageList):
        return _of_images(rest, rank)
    letters = getattr(inner, "dim_str", None)
    if letters is None:
        return _of_unnamed(rank)
    return _of_letters(letters.split(), rank)


def _walk(kind: Any, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The type of the innermost value that containers lead to, and the keys within it."""
    rest = list(keys)
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif rest and get_origin(kind) in (dict, list, tuple) and get_args(kind):
            members = [each for each in get_args(kind) if each is not Ellipsis]
            index = getattr(rest.pop(0), "idx", 0)
            kind = members[min(index, len(members) - 1)] if _is_tuple(kind) else members[-1]
        else:
            return kind, rest


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _of_images(rest: Sequence[Any], rank: int) -> tuple[DynamicDimension, ...]:
    if isinstance(rest[0], pytree.GetAttrKey) and rest[0].name == "tensor":
        sides = (DynamicDimension(rank - 2, "height"), DynamicDimension(rank - 1, "width"))
        return (DynamicDimension(0, "batch"), *sides)
    return (DynamicDimension(0, "batch"),)


def _of_unnamed(rank: int) -> tuple[DynamicDimension, ...]:
    """Of a tensor whose port names no dimensions: maps have four, anything else has rows."""
    if rank == _MAP_RANK:
        return _of_letters(["N", "_", "_", "_"], rank)
    return (DynamicDimension(0, "rows"),) if rank else ()


def _of_letters(letters: Sequence[str], rank: int) -> tuple[DynamicDimension, ...]:
    found: dict[int, Meaning] = {}
    for index, letter in enumerate(letters):
        if not letter[0].isalnum() and letter[0] != "_":  # `...` or `*C`: count from the back
            for back, last in enumerate(reversed(letters[index + 1 :]), 1):
                found |= {rank - back: _LETTERS[last]} if last in _LETTERS else {}
            break
        if letter in _LETTERS:
            found[index] = _LETTERS[letter]
        elif letter == "_" and index == 0:
            found[index] = "rows"
    is_map = found.get(0) == "batch" and rank == _MAP_RANK and len(letters) == _MAP_RANK
    for index, side in enumerate(_SIDES, 2):
        if is_map and letters[index] == "_":
            found[index] = side
    return tuple([DynamicDimension(axis, meaning) for axis, meaning in sorted(found.items())])
