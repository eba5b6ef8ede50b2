"""Merging a document over another: mappings by key, `null` deletes, anything else replaces."""

from __future__ import annotations

from composer.documents import Located

# What of a node describes the thing it calls; it goes when another thing is put in its place.
_OWNED = {
    "uses": ("with", "freeze"),
    "spec": ("params", "set", "nodes", "outputs", "freeze"),
    "nodes": ("set", "outputs", "freeze"),
}


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
    items = dict(base.value)
    key_places = dict(base.key_places)
    for key, change in over.entries():
        kept = items.get(key)
        if change.value is None and kept is not None:
            del items[key]
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
    return Located(items, over.place, key_places, faulty=base.faulty or over.faulty)


def _without_replaced(node: Located, change: Located) -> Located:
    """The node less what belongs to a node type or nested graph that `change` replaces."""
    if not (node.is_mapping and change.is_mapping):
        return node
    dropped: set[str] = set()
    for kind, new in change.entries():
        if kind not in ("uses", "spec", "same_as", "nodes") or new.value is None:
            continue
        old = node.get(kind)
        if kind == "nodes" and (old is not None or node.get("spec") is not None):
            continue
        if old is not None and old.plain() == new.plain():
            continue
        for other in ("uses", "spec", "same_as", "nodes"):
            if other != kind:
                dropped |= {other, *_OWNED.get(other, ())}
        dropped |= set(_OWNED.get(kind, ()))
    items = {key: value for key, value in node.value.items() if key not in dropped}
    return Located(items, node.place, node.key_places)
