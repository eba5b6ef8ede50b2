"""Nodes that are prepared for training with the channels of maps last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from composer.acceleration.read_optimization import read_optimization
from composer.blueprint import Blueprint
from composer.errors import ContractError


def prepare_channels_last(blueprint: Blueprint, modules: Mapping[str, Callable[..., Any]]) -> None:
    """Prepares the nodes of training for maps with channels last, where their types say how.

    Args:
        blueprint: the checked spec.
        modules: the module or function of each node, by path.

    Raises:
        ContractError: a node type says something impossible of itself.
    """
    for path, node in blueprint.nodes.items():
        module = modules.get(node.module_path)
        if not isinstance(module, nn.Module) or node.contract is None:
            continue
        try:
            said = read_optimization(node.contract)
        except ContractError as error:
            raise ContractError(f"node '{path}' ({node.label}): {error}") from error
        if said is not None and said.train_channels_last is not None:
            said.train_channels_last(module)
