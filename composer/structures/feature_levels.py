"""The shapes of ports before a run, and the selection of the feature levels of a node."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar


@dataclass(frozen=True)
class TensorShape:
    """Channels, spatial size and stride of one feature map or of pooled regions.

    Args:
        channels: number of channels.
        height: rows, where they are fixed (pooled regions), else None.
        width: columns, where they are fixed, else None.
        stride: pixels of the input image per cell, where that has a meaning, else None.
    """

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    stride: int | None = None


T = TypeVar("T")


def pick_levels(
    features_shape: Mapping[str, TensorShape], in_features: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Returns the names of the selected levels, or of all.

    Args:
        features_shape: all levels.
        in_features: the selected levels, from the configuration of a node; None for all.

    Raises:
        ValueError: a level does not exist, or there is none to work on.
    """
    names = tuple(features_shape) if in_features is None else in_features
    missing = [name for name in names if name not in features_shape]
    if missing or not names:
        raise ValueError(
            f"in_features: there is no level {', '.join(missing) or '(none is named)'}, only "
            f"{', '.join(features_shape)}."
        )
    return names


def require_levels(whose: str, out_features: Sequence[str], known: Iterable[str]) -> None:
    """Checks the levels that a backbone is asked for.

    Args:
        whose: the backbone, for the message.
        out_features: the levels, from the configuration of a node.
        known: all levels that it has.

    Raises:
        ValueError: a level does not exist, or none is named.
    """
    names = list(known)
    missing = [name for name in out_features if name not in names]
    if missing or not out_features:
        raise ValueError(
            f"out_features: {whose} has no level {', '.join(missing) or '(none is named)'}, "
            f"only {', '.join(names) or 'none'}."
        )


def find_channels(features_shape: Mapping[str, TensorShape], names: Iterable[str]) -> int:
    """Returns the number of channels that all of these levels have.

    Raises:
        ValueError: they differ, or are not known.
    """
    channels = {features_shape[name].channels for name in names}
    (first, *others) = channels
    if first is None or others:
        raise ValueError(
            f"The levels have {', '.join(map(str, channels))} channels; all must have the same."
        )
    return first


def get_channels(features_shape: Mapping[str, TensorShape], name: str) -> int:
    """Returns the number of channels of a level.

    Raises:
        ValueError: it is not known.
    """
    channels = features_shape[name].channels
    if channels is None:
        raise ValueError(f"The number of channels of '{name}' is not known.")
    return channels


def find_strides(features_shape: Mapping[str, TensorShape], names: Iterable[str]) -> list[int]:
    """Returns the stride of each of these levels, in pixels.

    Raises:
        ValueError: one is not known.
    """
    strides = []
    for name in names:
        stride = features_shape[name].stride
        if stride is None:
            raise ValueError(f"The stride of level '{name}' is not known.")
        strides.append(stride)
    return strides


def find_pyramid_strides(
    features_shape: Mapping[str, TensorShape], names: Sequence[str]
) -> list[int]:
    """Returns the stride of each of these levels, which doubles from one to the next.

    Raises:
        ValueError: it does not, or is not known.
    """
    strides = find_strides(features_shape, names)
    if any(coarser != 2 * finer for finer, coarser in pairwise(strides)):
        raise ValueError(
            f"From level to level strides double, these are {strides} ({', '.join(names)})."
        )
    return strides


def zip_levels(num_levels: int, **values: Sequence[T]) -> list[tuple[T, ...]]:
    """Returns the values of several configurations level by level; see `repeat_for_levels`.

    Args:
        num_levels: how many levels there are.
        values: configurations by name, each with one value or one a level.

    Raises:
        ValueError: there are values for another number of levels.
    """
    columns = [repeat_for_levels(one, num_levels, name) for name, one in values.items()]
    return list(zip(*columns, strict=True))


def repeat_for_levels(values: Sequence[T], num_levels: int, name: str) -> Sequence[T]:
    """Returns one value a level; a single one serves all.

    Args:
        values: one, or as many as there are levels.
        num_levels: how many there are.
        name: what the values are called, for the message.

    Raises:
        ValueError: there are values for another number of levels.
    """
    if len(values) == 1:
        return [values[0]] * num_levels
    if len(values) != num_levels:
        raise ValueError(f"{name} are given for {len(values)} levels, but there are {num_levels}.")
    return values
