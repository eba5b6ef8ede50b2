"""The learning rate over time, as a pure function of the iteration."""

from __future__ import annotations

import math

import torch

from composer.training.settings import ScheduleSettings, WarmupSettings

INITIAL_LR = "initial_lr"  # torch's own name for what a group's learning rate starts from


def learning_rate_factor(settings: ScheduleSettings, iteration: int, iterations: int) -> float:
    """The factor on the learning rate in one iteration.

    The warm-up multiplies what the curve has at that time (Goyal et al. 2017, section 2.2).

    Args:
        settings: the shape of the curve.
        iteration: the iteration, from 0.
        iterations: how many there are.
    """
    return _curve(settings, iteration, iterations) * _warmup(settings.warmup, iteration, iterations)


def set_learning_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Sets the learning rate of every group to its own times a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault(INITIAL_LR, group["lr"]) * factor


def _curve(settings: ScheduleSettings, iteration: int, iterations: int) -> float:
    if settings.uses == "multi_step":
        steps = (_count(step, iterations) <= iteration for step in settings.steps)
        return settings.gamma ** sum(steps)
    if settings.uses == "cosine":
        rest = 0.5 * (1 + math.cos(math.pi * iteration / iterations))
        return settings.final_factor + (1 - settings.final_factor) * rest
    return 1.0


def _warmup(settings: WarmupSettings | None, iteration: int, iterations: int) -> float:
    length = 0 if settings is None else _count(settings.iterations, iterations)
    if settings is None or iteration >= length:
        return 1.0
    if settings.shape == "constant":
        return settings.factor
    return settings.factor + (1 - settings.factor) * iteration / length


def _count(length: float, iterations: int) -> int:
    """Iterations, where a length is given in them or as a fraction of the training."""
    return length if isinstance(length, int) else round(length * iterations)
