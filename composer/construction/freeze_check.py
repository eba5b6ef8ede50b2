"""Checks that what a spec freezes is there."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from composer.blueprint import Blueprint
from composer.documents import ProblemLog
from composer.names import did_you_mean


def check_freezing(blueprint: Blueprint, modules: Mapping[str, nn.Module], log: ProblemLog) -> None:
    """Notes frozen nodes that are functions, and frozen modules that their nodes do not have.

    Args:
        blueprint: the nodes without problems.
        modules: the nodes' modules by path.
        log: takes the problems.
    """
    for part in blueprint.spec.freeze.values():
        node = blueprint.nodes.get(part.path)
        if node is not None and not node.is_module:
            message = f"node '{part.path}' has no weights to freeze: {node.uses} "
            log.add(part.place, f"{message}is a function")
        elif part.module and part.path in modules:
            inside = [name for name, _ in modules[part.path].named_modules() if name]
            if part.module not in inside:
                message = f"node '{part.path}' has no module '{part.module}' to freeze"
                log.add(part.place, message, did_you_mean(part.module, inside, "modules"))
