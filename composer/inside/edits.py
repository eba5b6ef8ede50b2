"""Ready-made edits of values: zero, scaled, noisy, or some of their channels.

Legend: C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from composer.errors import InputError
from composer.structures import ImageBatch, ImageList, iterate_tensors, map_tensors
from composer.values import describe

Edit = Callable[..., Any]


def zero(value: Any) -> Any:
    """The value with 0 for every floating-point number (ablation; Meyes et al. 2019).

    Raises:
        InputError: it has no such numbers.
    """
    return map_numbers(torch.zeros_like, value)


def scale(factor: float) -> Edit:
    """An edit that multiplies every floating-point number.

    Args:
        factor: the factor; 1 changes nothing.

    Raises:
        InputError: it is no finite number.
    """
    number = require_number(factor, "a factor")
    return partial(map_numbers, lambda tensor: tensor * number)


def noise(amount: float = 1.0, *, is_relative: bool = True) -> Edit:
    """An edit that adds Gaussian noise, drawn anew for each seed of a run.

    Args:
        amount: the standard deviation of the noise.
        is_relative: whether it is a multiple of the standard deviation of each tensor, as in
            causal tracing (Meng et al. 2022), and not a number in the tensor's own unit.

    Raises:
        InputError: it is no finite number, or negative.
    """
    number = require_number(amount, "the amount of noise")
    if number < 0:
        raise InputError(f"the amount of noise is 0 or more, not {amount}")

    def add_noise(value: Any, generator: torch.Generator) -> Any:
        def add(tensor: Tensor) -> Tensor:
            draws = torch.randn(
                tensor.shape, generator=generator, device=generator.device, dtype=torch.float32
            )
            spread = tensor.float().std(correction=0) if is_relative and tensor.numel() else 1.0
            return tensor + (draws.to(tensor.device) * number * spread).to(tensor.dtype)

        return map_numbers(add, value)

    return add_noise


def keep_channels(channels: Iterable[int]) -> Edit:
    """An edit that sets all channels but some to 0.

    Args:
        channels: counted from 0; of maps (N, C, H, W) and of rows (R, C).

    Raises:
        InputError: they are no whole numbers.
    """
    return partial(_select, _check_channels(channels), True)


def drop_channels(channels: Iterable[int]) -> Edit:
    """An edit that sets some channels to 0, with the arguments of `keep_channels`."""
    return partial(_select, _check_channels(channels), False)


def _check_channels(channels: Iterable[int]) -> tuple[int, ...]:
    found: list[Any]
    found = list(channels) if isinstance(channels, Iterable) else [channels]
    for channel in found:
        if isinstance(channel, bool) or not hasattr(channel, "__index__"):
            raise InputError(f"channels are whole numbers from 0 on, not {channel!r:.40}")
    return tuple([int(channel) for channel in found])


def _select(channels: tuple[int, ...], is_kept: bool, value: Any) -> Any:
    """A value of maps or rows in which all other channels, or these, are 0."""
    if isinstance(value, Tensor):
        return _mask(channels, is_kept, value)
    if isinstance(value, ImageList):
        return value.map_tensors(
            lambda t: _mask(channels, is_kept, t) if t.is_floating_point() else t
        )
    if isinstance(value, dict):
        return {key: _select(channels, is_kept, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_select(channels, is_kept, each) for each in value]
    raise InputError(f"{describe(value)} has no channels, which maps and rows of features have")


def _mask(channels: tuple[int, ...], is_kept: bool, tensor: Tensor) -> Tensor:
    if tensor.ndim < 2:
        raise InputError(f"{describe(tensor)} has no channels: they are the second dimension")
    count = tensor.shape[1]
    for channel in channels:
        if not 0 <= channel < count:
            raise InputError(f"there is no channel {channel}: there are {count}, from 0 on")
    mask = torch.zeros(count, dtype=torch.bool, device=tensor.device)
    mask[list(channels)] = True
    chosen = mask if is_kept else ~mask
    shape = (1, count, *[1] * (tensor.ndim - 2))
    return torch.where(chosen.reshape(shape), tensor, torch.zeros_like(tensor))


def map_numbers(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The value with a function applied to every tensor of floating-point numbers.

    Of a batch of images these are the images, which stay in bytes if they are.

    Raises:
        InputError: it has none, where it has anything.
    """
    if isinstance(value, ImageBatch):
        records = [{**each, "image": _change_image(function, each["image"])} for each in value]
        return ImageBatch(records)
    tensors = list(iterate_tensors(value))
    is_empty = not tensors and isinstance(value, (list, tuple, Mapping)) and not value
    if not is_empty and not any(tensor.is_floating_point() for tensor in tensors):
        raise InputError(f"{describe(value)} has no floating-point numbers to change")
    return map_tensors(lambda t: function(t) if t.is_floating_point() else t, value)


def _change_image(function: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    if image.is_floating_point():
        return function(image)
    limits = torch.iinfo(image.dtype)
    return function(image.float()).round().clamp(limits.min, limits.max).to(image.dtype)


def require_number(value: Any, what: str) -> float:
    """A finite number.

    Args:
        value: the number.
        what: its name in messages.

    Raises:
        InputError: it is none.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise InputError(f"{what} is a finite number, not {value!r:.40}")
    return float(value)
