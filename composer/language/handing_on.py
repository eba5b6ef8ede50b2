"""Prepares a document for merging: params handed on by name, settings of patterns first."""

from __future__ import annotations

from dataclasses import replace

from composer.documents import Located
from composer.names import WILDCARD


def prepare(root: Located) -> Located:
    """The document with short forms written out.

    A list under a node's `params` or `with` becomes a mapping of each name to the param of that
    name. A section `set` gets its patterns first, so that an exact address beats them.
    """
    if not root.is_mapping:
        return root
    items = dict(root.value)
    if (section := items.get("set")) is not None:
        items["set"] = _patterns_first(section)
    if (nodes := items.get("nodes")) is not None and nodes.is_mapping:
        prepared = {name: _prepare_node(node) for name, node in nodes.entries()}
        items["nodes"] = replace(nodes, value=prepared)
    return replace(root, value=items)


def _prepare_node(node: Located) -> Located:
    handed = {key: node.get(key) for key in ("params", "with")}
    items = {key: _handed_on(section) for key, section in handed.items() if section is not None}
    return prepare(replace(node, value={**node.value, **items}) if items else node)


def _handed_on(section: Located) -> Located:
    if not isinstance(section.value, list):
        return section
    names = [item.value for item in section.value]
    if not all(isinstance(name, str) and name.isidentifier() for name in names):
        return section  # the check of the form refuses it
    items = {item.value: replace(item, value=f"${{{item.value}}}") for item in section.value}
    return Located(items, section.place, {name: item.place for name, item in items.items()})


def _patterns_first(section: Located) -> Located:
    if not section.is_mapping:
        return section
    ordered = sorted(section.value.items(), key=lambda entry: WILDCARD not in entry[0])
    return replace(section, value=dict(ordered))
