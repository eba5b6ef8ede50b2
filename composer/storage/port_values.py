"""Fits the content of a file to a port."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from torch import Tensor

from composer.errors import InputError
from composer.node import members, plain, resolve

_SIZES = ("height", "width")


def fit_value(value: Any, port: str, kind: Any) -> Any:
    """Converts plain tensors to the type of a port; other values are returned as they are.

    Of several tensors, the one that is named like the port is taken, else all. Where the port
    takes a list (of something per image, or per level), a tensor is its only item, and tensors by
    name are its items; an item becomes the port's structure (`Boxes`, say), the first that it can
    become where the port takes several.

    Args:
        value: a tensor, or tensors by name.
        port: name of the port.
        kind: its type.

    Raises:
        InputError: the structure cannot be made of a tensor.
    """
    *others, last = _alternatives(kind)
    for alternative in others:
        try:
            return _fit(value, port, alternative)
        except InputError:
            continue
    return _fit(value, port, last)


def _fit(value: Any, port: str, shape: Any) -> Any:
    if _are_tensors(value) and (get_origin(shape) or shape) is not dict:
        if port in value:
            value = value[port]
        elif len(value) == 1 and (get_origin(shape) or shape) is not list:
            (value,) = value.values()
    if (get_origin(shape) or shape) is not list:
        return _as_structure(value, shape, port)
    if isinstance(value, Tensor):
        value = [value]
    elif _are_tensors(value):
        value = list(value.values())
    elif not isinstance(value, list):
        return value
    item = _alternatives((get_args(shape) or (Any,))[0])[0]
    return [_as_structure(each, item, port) for each in value]


def make_records(value: Any, name: str) -> Any:
    """Makes plain tensors the records of a batch of images; other values are returned as they are.

    A tensor of C x H x W is one image, one of N x C x H x W are several; tensors by name are an
    image each, unless one of them is called `image`: then they are one record.

    Args:
        value: a tensor, or tensors by name.
        name: name of the input.

    Raises:
        InputError: a tensor is not of three or four dimensions.
    """
    if isinstance(value, Tensor):
        if value.ndim not in (3, 4):
            shape = "x".join(map(str, value.shape))
            raise InputError(f"input '{name}': an image is C x H x W, not {shape}")
        return [{"image": image} for image in (value[None] if value.ndim == 3 else value)]
    if not _are_tensors(value):
        return value
    if "image" not in value:
        return [record for tensor in value.values() for record in make_records(tensor, name)]
    return [{key: int(item) if key in _SIZES else item for key, item in value.items()}]


def _alternatives(kind: Any) -> list[Any]:
    """The alternatives of a type without their meaning, apart from None; one at least."""
    wanted = [plain(member) for member in members(resolve(kind, {})) if member is not type(None)]
    return wanted or [Any]


def _are_tensors(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(item, Tensor) for item in value.values())
    )


def _as_structure(value: Any, kind: Any, port: str) -> Any:
    """The port's structure, made of a tensor; other values as they are."""
    if not isinstance(value, Tensor) or not inspect.isclass(kind) or issubclass(kind, Tensor):
        return value
    if not hasattr(kind, "map_tensors"):
        return value
    make: Callable[[Tensor], Any] = kind
    try:
        return make(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"'{port}': no {kind.__name__} can be made of a tensor: {error}") from None
