"""Keeps parts of a graph from learning: their weights, and the statistics of their norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from composer.language import FrozenPart
from composer.module_tree import own_modules


def freeze_weights(
    freeze: Mapping[str, FrozenPart], callables: Mapping[str, Callable[..., Any]]
) -> None:
    """Takes the parameters of frozen parts out of learning.

    Args:
        freeze: what is frozen, by full name.
        callables: modules and functions by node path; those that are not there are passed over.
    """
    for module in _frozen_modules(freeze, callables):
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)


def set_frozen_norms_to_eval(
    freeze: Mapping[str, FrozenPart], callables: Mapping[str, Callable[..., Any]]
) -> None:
    """Puts batch normalisations of frozen parts into inference: their statistics do not change.

    Args:
        freeze: what is frozen, by full name.
        callables: modules and functions by node path.
    """
    for module in _frozen_modules(freeze, callables):
        if isinstance(module, _NormBase):
            module.eval()


def _frozen_modules(
    freeze: Mapping[str, FrozenPart], callables: Mapping[str, Callable[..., Any]]
) -> Iterator[nn.Module]:
    for part in freeze.values():
        for path, called in callables.items():
            if isinstance(called, nn.Module) and part.covers(path):
                try:
                    frozen = called.get_submodule(part.module)
                except AttributeError:  # another module was put in the place of the node's
                    continue
                yield from (module for _, module in own_modules(frozen))
