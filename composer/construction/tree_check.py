"""Checks that the modules of all nodes find a place in one tree, under their namespaces."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from composer.construction.blueprint import NodeDesign
from composer.documents import Place, ProblemLog
from composer.module_tree import name_modules


def check_tree(
    designs: Mapping[str, NodeDesign],
    modules: Mapping[str, nn.Module],
    places: Mapping[str, Place],
    log: ProblemLog,
) -> None:
    """Notes the nodes whose weights would have the names of another node's.

    Args:
        designs: the nodes, for their namespaces.
        modules: the nodes' modules by path.
        places: where the nodes stand.
        log: takes the problems.
    """
    namespaces = {path: designs[path].namespace for path in modules}
    for clash in name_modules(modules, namespaces)[1]:
        log.add(places[clash.path], clash.message, "Give one of them another 'namespace'.")
