"""Where weights are kept in a state dict: under their node's namespace instead of its path."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from composer.documents import Place, Problem
from composer.errors import SpecError


@dataclass
class StateKeys:
    """How the keys of a graph's state dict differ from the names in its tree of modules.

    Args:
        names: for each name that differs, its key; both without the graph's own prefix.
        prefix: the graph's own prefix in the load that goes on.
        missing: what that load misses, by names in the tree.
        errors: the messages of that load, with names in the tree.
    """

    names: Mapping[str, str]
    prefix: str = ""
    missing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def rename_state_dict(
    graph: nn.Module, modules: Mapping[str, nn.Module], namespaces: Mapping[str, str]
) -> None:
    """Lets a graph write its state dict by namespaces, and read and report it so.

    Args:
        graph: the graph; it gets a value `state_keys`.
        modules: its modules by path.
        namespaces: their key prefixes by path, without the final dot.

    Raises:
        SpecError: if two nodes keep a weight under one key.
    """
    graph.state_keys = StateKeys(_find_keys(modules, namespaces))  # type: ignore[assignment]
    graph.register_state_dict_post_hook(_rename_saved)  # type: ignore[no-untyped-call]
    graph.register_load_state_dict_pre_hook(_rename_loaded)  # type: ignore[no-untyped-call]
    graph.register_load_state_dict_post_hook(_rename_in_messages)  # type: ignore[no-untyped-call]


def _find_keys(modules: Mapping[str, nn.Module], namespaces: Mapping[str, str]) -> dict[str, str]:
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


def _rename_saved(graph: Any, state: Any, prefix: str, _metadata: object) -> None:
    _rename(state, graph.state_keys.names, prefix)


def _rename_loaded(
    graph: Any,
    state: MutableMapping[str, Any],
    prefix: str,
    _metadata: object,
    _strict: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Before a load: from keys to names; a name that is no key is not expected."""
    keys: StateKeys = graph.state_keys
    known = set(keys.names.values())
    strays = [prefix + name for name in keys.names if name not in known and prefix + name in state]
    for stray in strays:
        del state[stray]
    unexpected += strays
    _rename(state, {key: name for name, key in keys.names.items()}, prefix)
    graph.state_keys = StateKeys(keys.names, prefix, missing, errors)


def _rename_in_messages(graph: Any, _incompatible: object) -> None:
    """After a load: puts keys in place of names into what the load has to say."""
    load: StateKeys = graph.state_keys
    keys = {load.prefix + name: load.prefix + key for name, key in load.names.items()}
    load.missing[:] = [keys.get(name, name) for name in load.missing]
    for index, message in enumerate(load.errors):
        for name, key in keys.items():
            message = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", key, message)
        load.errors[index] = message
    graph.state_keys = StateKeys(load.names)


def _rename(state: MutableMapping[str, Any], names: Mapping[str, str], prefix: str) -> None:
    """Renames entries of a state dict in place."""
    moved = {new: state.pop(prefix + old) for old, new in names.items() if prefix + old in state}
    for name, value in moved.items():
        state[prefix + name] = value
