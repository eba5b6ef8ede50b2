"""A spec's document with every configuration value written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from composer.documents import escape


def complete_config(written: Mapping[str, Any], checked: BaseModel) -> dict[str, Any]:
    """The configuration as written, and the defaults of what was not, as plain values.

    Args:
        written: the plain values of a node.
        checked: the model made of them.
    """
    unset = set(type(checked).model_fields) - checked.model_fields_set
    defaults = checked.model_dump(mode="json", by_alias=True, include=unset)
    return {**defaults, **written}


def complete_document(
    document: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The document of a spec whose settings are applied and whose nodes say all values.

    A default that changes then does not change what the document means.

    Args:
        document: the spec's document.
        configs: the whole configuration of each node by path.
    """
    return _complete(document, configs, "")


def _complete(
    item: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]], path: str
) -> dict[str, Any]:
    found = {key: value for key, value in item.items() if key != "set"}
    if configs.get(path):
        found["with"] = escape(configs[path])
    if isinstance(nodes := item.get("nodes"), dict):
        prefix = f"{path}." if path else ""
        found["nodes"] = {
            name: _complete(node, configs, prefix + name) for name, node in nodes.items()
        }
    return found
