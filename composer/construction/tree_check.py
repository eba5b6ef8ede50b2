"""Checks that the modules of all nodes find a place in one tree, under their namespaces."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from composer.blueprint import Blueprint
from composer.documents import ProblemLog
from composer.module_tree import name_modules


def check_tree(blueprint: Blueprint, modules: Mapping[str, nn.Module], log: ProblemLog) -> None:
    """Notes the nodes whose weights would have the names of another node's.

    Args:
        blueprint: the nodes, for their namespaces.
        modules: the nodes' modules by path.
        log: takes the problems.
    """
    namespaces = {path: blueprint.nodes[path].namespace for path in modules}
    for clash in name_modules(modules, namespaces)[1]:
        log.add(
            blueprint.nodes[clash.path].place,
            clash.message,
            "Give one of them another 'namespace'.",
        )
