"""Merging a document over another: mappings by key, `null` deletes, anything else replaces."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from composer.discovery import DISTRIBUTION, discover
from composer.documents import Located
from composer.errors import PluginError
from composer.language.sources import find_home, find_spec
from composer.names import WILDCARD, find_names

# What of a node describes the thing it calls; it goes when another thing is put in its place.
_OWNED = {
    "uses": ("with", "freeze"),
    "spec": ("params", "set", "nodes", "outputs", "freeze"),
    "nodes": ("set", "outputs", "freeze"),
    "same_as": (),
}
_ADDRESSED = ("set", "aliases")


def merge(base: Located, over: Located) -> Located:
    """The base document with the changes of `over`."""
    return _merge(base, over)


def merge_settings(base: Located | None, over: Located | None) -> Located | None:
    """A section `set:` over another one: later settings come last."""
    if base is None or over is None:
        return over or base
    return _merge(base, over, is_ordered=True)


def _merge(
    base: Located, over: Located, *, inside_nodes: bool = False, is_ordered: bool = False
) -> Located:
    """A mapping over another; in an ordered one what is changed comes last."""
    if not (base.is_mapping and over.is_mapping):
        return over
    items = dict(base.value if inside_nodes else _with_lapsing_settings(base, over).value)
    key_places = dict(base.key_places)
    deleted = {**base.deleted, **over.deleted}
    for key, change in over.entries():
        kept = items.get(key)
        if change.value is None and kept is not None:
            del items[key]
            deleted[key] = over.key_place(key)
            continue
        key_places[key] = over.key_place(key)
        if is_ordered:
            items.pop(key, None)
        if kept is None:
            items[key] = change
        elif inside_nodes:
            items[key] = _merge(_without_replaced(kept, change), change)
        else:
            is_set = key == "set"
            items[key] = _merge(kept, change, inside_nodes=key == "nodes", is_ordered=is_set)
    faulty = base.faulty or over.faulty
    deleted = {key: place for key, place in deleted.items() if key not in items}
    return Located(items, over.place, key_places, faulty=faulty, deleted=deleted)


def _without_replaced(node: Located, change: Located) -> Located:
    """The node less what belongs to a node type or nested graph that `change` replaces."""
    if not (node.is_mapping and change.is_mapping):
        return node
    dropped: set[str] = set()
    for kind in _list_replacements(node, change):
        dropped |= {one for other in _OWNED if other != kind for one in (other, *_OWNED[other])}
        dropped |= set(_OWNED[kind])
    items = {key: value for key, value in node.value.items() if key not in dropped}
    return Located(items, node.place, node.key_places)


def _list_replacements(node: Located, change: Located) -> Iterator[str]:
    """The kinds of thing that a node becomes by a change."""
    for kind, new in change.entries():
        old = node.get(kind)
        if kind not in _OWNED or new.value is None:
            continue
        is_change = kind == "nodes" and (old is not None or node.get("spec") is not None)
        if not is_change and (old is None or _is_another(kind, old, new)):
            yield kind


def _is_another(kind: str, old: Located, new: Located) -> bool:
    """Whether a node calls another thing, which one name may mean in two documents."""
    name = new.plain()
    if old.plain() != name or kind not in ("uses", "spec"):
        return old.plain() != name
    if kind == "spec":
        return _is_another_spec(str(name), _name_document(old), _name_document(new))
    owners = {each.distribution for each in discover("composer.nodes") if each.name == name}
    return len(owners) > 1 and _find_owner(old, owners) != _find_owner(new, owners)


def _is_another_spec(name: str, document: str, other: str) -> bool:
    """Whether two documents mean different specs by one name; not where one of them means none."""
    if document == other:
        return False
    try:
        found = [find_spec(name, each) for each in (document, other)]
    except PluginError:  # two strangers publish it, which is told where it is read
        return False
    paths = {each.path.resolve() for each in found if each is not None}
    return len(paths) > 1


def _name_document(written: Located) -> str:
    return (written.origin or written.place).source


def _find_owner(written: Located, owners: Collection[str]) -> str:
    """Of those who publish a name, the document's own distribution, else ours."""
    home = find_home(_name_document(written))
    return home if home is not None and home in owners else DISTRIBUTION


def _with_lapsing_settings(base: Located, over: Located) -> Located:
    """The base as one whose settings and aliases may name what `over` replaces.

    Settings of a node that becomes another go, as its `with:` does; in a nested graph that becomes
    another, some may still mean something.
    """
    if over.get("nodes") is None or not any(base.get(key) for key in _ADDRESSED):
        return base
    replaced = dict(_find_replaced(base, over, ""))
    if not replaced:
        return base
    nodes = [path for path, is_node in replaced.items() if is_node]
    items = dict(base.value)
    for key in _ADDRESSED:
        if (section := base.get(key)) is not None:
            items[key] = _as_lapsing(section, "", nodes if key == "set" else ())
    return replace(base, value=items)


def _find_replaced(base: Located, over: Located, prefix: str) -> Iterator[tuple[str, bool]]:
    """Paths of nodes that are deleted or become another, and whether they then call a node type."""
    nodes, changes = base.get("nodes"), over.get("nodes")
    for name, change in changes.entries() if changes is not None else ():
        node = (nodes.get(name) if nodes is not None else None) or Located({}, change.place)
        kinds = [*_list_replacements(node, change)]
        if change.value is None or kinds:
            yield f"{prefix}{name}", "uses" in kinds
        yield from _find_replaced(node, change, f"{prefix}{name}.")


def _as_lapsing(item: Located, address: str, nodes: Collection[str]) -> Located:
    """Settings marked as lapsing, without those of some nodes."""
    if not item.is_mapping:
        return replace(item, lapses=True)
    kept: dict[str, Located] = {}
    for key, value in item.entries():
        full = f"{address}.{key}".lstrip(".")
        node = full.rpartition(".")[0]
        if WILDCARD in node or not find_names(node, nodes):
            kept[key] = _as_lapsing(value, full, nodes)
    return replace(item, value=kept, lapses=True)
