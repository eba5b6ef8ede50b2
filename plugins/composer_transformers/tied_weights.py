"""Weights that several places of a module share, as transformers ties them.

A model made from a configuration has one predictor for all layers of its decoder, where its
published checkpoints have one for each. So weights are shared until different ones are loaded.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def find_tied(module: nn.Module) -> Iterator[list[str]]:
    """Yields the names of each parameter that has several."""
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return (same for same in names.values() if len(same) > 1)


def share_parameter(module: nn.Module, names: list[str]) -> None:
    """Puts the first of some parameters into the places of the others."""
    shared = module.get_parameter(names[0])
    for name in names[1:]:
        _replace(module, name, shared)


def untie_on_load(module: nn.Module) -> None:
    """Lets a module take different values for weights that it shares, which unties them."""
    if any(True for _ in find_tied(module)):
        untyped: Any = module  # torch leaves the hooks' registration untyped
        untyped.register_load_state_dict_pre_hook(_untie)


def _untie(module: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    for names in list(find_tied(module)):
        values = [state[prefix + name] for name in names if prefix + name in state]
        if any(not _are_equal(values[0], value) for value in values[1:]):
            for name in names[1:]:
                parameter = module.get_parameter(name)
                _replace(module, name, nn.Parameter(parameter.detach().clone()))


def _are_equal(one: Tensor, other: Tensor) -> bool:
    if one is other or one.data_ptr() == other.data_ptr() != 0:
        return True
    return one.shape == other.shape and one.device == other.device and torch.equal(one, other)


def _replace(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, parameter)
