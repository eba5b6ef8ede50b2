"""The optimizers of `torch.optim` by name, and the check of their options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from composer.names import did_you_mean

OptimizerName = Literal["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adagrad", "RMSprop"]

_SET_ELSEWHERE = {"self", "params", "lr", "weight_decay"}
_NOT_OFFERED = {"maximize", "capturable", "differentiable"}


def make_optimizer(
    name: OptimizerName, groups: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """An optimizer of torch.

    Args:
        name: its class.
        groups: the parameter groups, each with `params`, `lr` and `weight_decay`.
        options: further options of the class.
    """
    made: torch.optim.Optimizer = getattr(torch.optim, name)(
        [dict(group) for group in groups], **_as_arguments(options)
    )
    return made


def list_options(name: OptimizerName) -> list[str]:
    """The names of an optimizer's options, without those that have a key of their own."""
    known = inspect.signature(getattr(torch.optim, name).__init__).parameters
    return sorted(known.keys() - _SET_ELSEWHERE - _NOT_OFFERED)


def check_options(name: OptimizerName, options: Mapping[str, Any]) -> None:
    """Checks the options of an optimizer by trying them on a parameter of one number.

    Raises:
        ValueError: an option is unknown, or its value is refused.
    """
    names = list_options(name)
    for option in options:
        if option in _SET_ELSEWHERE:
            raise ValueError(f"'{option}' is set beside 'with', not in it")
        if option not in names:
            raise ValueError(
                f"torch.optim.{name} has no option '{option}'. {did_you_mean(option, names)}"
            )
    try:
        _try_step(name, options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"torch.optim.{name} refuses these options: {error}") from None


def name_state(name: OptimizerName, options: Mapping[str, Any]) -> set[str]:
    """The names of the tensors that an optimizer keeps for each parameter.

    Args:
        name: its class.
        options: further options of the class, which fit it.
    """
    states = _try_step(name, options).state.values()
    return {
        key for state in states for key, value in state.items() if isinstance(value, torch.Tensor)
    }


def _try_step(name: OptimizerName, options: Mapping[str, Any]) -> torch.optim.Optimizer:
    """An optimizer of a parameter of one number, after a step."""
    trial = torch.nn.Parameter(torch.zeros(1))
    trial.grad = torch.zeros(1)
    optimizer = make_optimizer(name, [{"params": [trial], "lr": 0.1, "weight_decay": 0.0}], options)
    optimizer.step()
    return optimizer


def _as_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, which is what the classes take."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
