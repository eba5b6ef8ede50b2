"""Prepares a document for merging: params handed on by name, settings of patterns first."""

from __future__ import annotations

from dataclasses import replace

from composer.documents import Located, Place, ProblemLog
from composer.names import WILDCARD


def prepare(root: Located, log: ProblemLog) -> Located:
    """The document with short forms written out; what a list gives twice is noted.

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
        prepared = {name: _prepare_node(node, log) for name, node in nodes.entries()}
        items["nodes"] = replace(nodes, value=prepared)
    return replace(root, value=items)


def _prepare_node(node: Located, log: ProblemLog) -> Located:
    handed = {key: node.get(key) for key in ("params", "with")}
    given = {key: section for key, section in handed.items() if section is not None}
    items = {key: _handed_on(section, log) for key, section in given.items()}
    return prepare(replace(node, value={**node.value, **items}) if items else node, log)


def _handed_on(section: Located, log: ProblemLog) -> Located:
    if not isinstance(section.value, list):
        return section
    items: dict[str, Located] = {}
    places: dict[str, Place] = {}
    for member in section.value:
        if member.is_mapping:
            given, new = dict(member.value), member.key_places
        elif isinstance(member.value, str) and member.value.isidentifier():
            given = {member.value: replace(member, value=f"${{{member.value}}}")}
            new = {member.value: member.place}
        else:
            return section  # the check of the form refuses it
        for name in items.keys() & given.keys():
            log.add(new.get(name, member.place), f"'{name}' is given twice in this list")
        items |= given
        places |= new
    return Located(items, section.place, places)


def _patterns_first(section: Located) -> Located:
    if not section.is_mapping:
        return section
    ordered = sorted(section.value.items(), key=lambda entry: WILDCARD not in entry[0])
    return replace(section, value=dict(ordered))
