"""Nodes that an engine may take, by what their types say."""

from __future__ import annotations

from composer.acceleration.read_optimization import read_optimization
from composer.blueprint import Node


def is_dense(node: Node) -> bool:
    """Whether a node's type says that it maps tensors to tensors without a loop over data.

    Raises:
        ContractError: it says something impossible of itself.
    """
    said = None if node.contract is None else read_optimization(node.contract)
    return said is not None and said.dense
