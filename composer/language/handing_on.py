"""Prepares a document for merging: params handed on by name, settings of patterns first."""

from __future__ import annotations

from dataclasses import replace

from composer.documents import Located, Place
from composer.names import WILDCARD


def prepare(root: Located) -> Located:
    """The document with short forms written out.

    A list under a node's `params` or `with` becomes a mapping: of each name to the param of that
    name, and what the mappings in it say. A section `set` gets its patterns first, so that an exact
    address beats them.
    """
    if not root.is_mapping or ("set" not in root.value and "nodes" not in root.value):
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
    items: dict[str, Located] = {}
    places: dict[str, Place] = {}
    for member in section.value:
        if member.is_mapping:
            items |= member.value
            places |= member.key_places
        elif isinstance(member.value, str) and member.value.isidentifier():
            items[member.value] = replace(member, value=f"${{{member.value}}}")
            places[member.value] = member.place
        else:
            return section  # the check of the form refuses it
    return Located(items, section.place, places)


def _patterns_first(section: Located) -> Located:
    if not section.is_mapping:
        return section
    ordered = sorted(section.value.items(), key=lambda entry: WILDCARD not in entry[0])
    return replace(section, value=dict(ordered))
