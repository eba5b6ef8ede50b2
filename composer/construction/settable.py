"""Every value of a spec that can be set: its address, its value, and what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from composer.blueprint import Blueprint


class SettableValue(NamedTuple):
    """A value that can be set.

    Args:
        address: its full address.
        value: what it is, as JSON, which is YAML, too.
        meaning: what it means.
    """

    address: str
    value: str
    meaning: str


def list_aliases(blueprint: Blueprint) -> list[SettableValue]:
    """The short names of a spec, each with the address that it stands for."""
    aliases = blueprint.spec.resolved.aliases.items()
    return [SettableValue(name, a.address, "") for name, a in aliases if not a.scope]


def list_params(blueprint: Blueprint) -> list[SettableValue]:
    """The params of a spec and of the specs nested in it, with where they go."""
    params = blueprint.spec.resolved.params
    users: dict[str, list[str]] = {}
    for address, value in params.items():
        users.setdefault(value.param, []).append(address)
    for path, node in blueprint.spec.graph.walk():
        for key, value in node.config.entries():
            users.setdefault(value.param, []).append(f"{path}.{key}")
    return [
        SettableValue(address, _as_text(value.plain()), ", ".join(users.get(address, [])))
        for address, value in params.items()
    ]


def list_configuration(blueprint: Blueprint) -> dict[str, list[SettableValue]]:
    """The configuration of each node that has some, by its path and node type."""
    documents = _configs(blueprint.spec.document, "")
    found: dict[str, list[SettableValue]] = {}
    for path, node in blueprint.nodes.items():
        if node.contract is None or node.same_as is not None or not documents.get(path):
            continue
        fields = node.contract.config.model_fields
        meanings = {str(field.alias): field.description or "" for field in fields.values()}
        found[f"{path}: {node.type_name}"] = [
            SettableValue(f"{path}.{key}", _as_text(documents[path].get(key)), meaning)
            for key, meaning in meanings.items()
        ]
    return found


def _configs(item: Mapping[str, Any], path: str) -> dict[str, Mapping[str, Any]]:
    """The configuration of nodes in a complete document, by path."""
    found = {path: item.get("with", {})}
    for name, node in item.get("nodes", {}).items():
        found |= _configs(node, f"{path}.{name}" if path else name)
    return found


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
