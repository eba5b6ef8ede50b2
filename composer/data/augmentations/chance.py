"""Draws single numbers from a generator."""

from collections.abc import Sequence
from typing import TypeVar

import torch

T = TypeVar("T")


def draw_uniform(generator: torch.Generator, low: float, high: float) -> float:
    """A number from `low` up to, but not including, `high`."""
    drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
    return low + drawn * (high - low)


def draw_integer(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator).item())


def draw_choice(generator: torch.Generator, items: Sequence[T]) -> T:
    """One of some items, each as likely as the others."""
    return items[draw_integer(generator, 0, len(items) - 1)]


def check_order(name: str, limits: tuple[float, float]) -> None:
    """Refuses ranges whose end is before their start.

    Args:
        name: of the parameter.
        limits: the smallest value and the largest.

    Raises:
        ValueError: the smallest is larger than the largest.
    """
    if limits[0] > limits[1]:
        raise ValueError(f"'{name}' is [smallest, largest], not {list(limits)}")


def happens(generator: torch.Generator, probability: float) -> bool:
    """Draws True with a probability. One number is drawn, whatever the probability."""
    return draw_uniform(generator, 0.0, 1.0) < probability
