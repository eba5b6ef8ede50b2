"""Where weights are kept in a state dict: under their node's namespace instead of its path."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from torch import nn

from composer.errors import SpecError
from composer.spec.places import Place
from composer.spec.problems import Problem


def state_keys(modules: Mapping[str, nn.Module], namespaces: Mapping[str, str]) -> dict[str, str]:
    """Names in the state dict by names in the module tree, for the nodes where they differ.

    Raises:
        SpecError: if two nodes keep a weight under one name.
    """
    owners: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for path, module in modules.items():
        namespace = namespaces.get(path, path)
        for name in module.state_dict():
            key = f"{namespace}.{name}" if namespace else name
            if key in owners:
                message = f"nodes '{owners[key]}' and '{path}' both keep weights under '{key}'"
                raise SpecError([Problem(Place("spec", pointer=path), message)])
            owners[key] = path
            if namespace != path:
                renamed[f"{path}.{name}"] = key
    return renamed


def rename(state: MutableMapping[str, Any], names: Mapping[str, str], prefix: str) -> None:
    """Renames entries of a state dict in place."""
    moved = {new: state.pop(prefix + old) for old, new in names.items() if prefix + old in state}
    for name, value in moved.items():
        state[prefix + name] = value
