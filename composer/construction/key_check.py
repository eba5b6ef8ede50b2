"""Checks that no two nodes keep a weight under one name of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from composer.construction.blueprint import NodeDesign
from composer.documents import Place, ProblemLog


def check_keys(
    designs: Mapping[str, NodeDesign],
    modules: Mapping[str, nn.Module],
    places: Mapping[str, Place],
    log: ProblemLog,
) -> None:
    """Notes the nodes whose weights would have a name that another node's have.

    Args:
        designs: the nodes, for their namespaces.
        modules: the nodes' modules by path.
        places: where the nodes stand.
        log: takes the problems, one for each pair of nodes.
    """
    owners: dict[str, str] = {}
    noted: set[tuple[str, str]] = set()
    for path, module in modules.items():
        namespace = designs[path].namespace
        for name in module.state_dict():
            key = f"{namespace}.{name}" if namespace else name
            owner = owners.setdefault(key, path)
            if owner != path and (owner, path) not in noted:
                noted.add((owner, path))
                message = f"nodes '{owner}' and '{path}' both keep weights under '{key}'"
                log.add(places[path], message, "Give one of them another 'namespace'.")
