"""A load report as a table for people."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence

from composer.checkpoint.node_report import NodeReport

MAX_NAMES = 8
_COLUMNS = ("loaded", "missing", "unexpected", "mismatched")


def render_report(
    title: str,
    nodes: Mapping[str, NodeReport],
    *,
    ignored: Sequence[str] = (),
    unused: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """One line where all is fine; else a row a node, and the names that do not fit.

    Args:
        title: the file and its format.
        nodes: path -> what became of the node's tensors.
        ignored: keys that are nobody's weights.
        unused: keys of nodes that were not asked for.
        notes: said where something does not fit.
    """
    lines = [f"{title}: {_summary(nodes.values())}"]
    if not all(node.ok for node in nodes.values()):
        lines += _table(nodes)
        lines += _advice(nodes.values())
        lines += [f"  note: {note}" for note in notes]
    if ignored:
        lines.append(f"  ignored, since no weights: {_listing(ignored)}")
    if unused:
        lines.append(f"  {_count(len(unused), 'tensor')} in the file for other nodes")
    return "\n".join(lines)


def _summary(nodes: Collection[NodeReport]) -> str:
    loaded = sum(len(node.loaded) for node in nodes)
    wanted = sum(node.num_wanted for node in nodes)
    places = _count(sum(node.num_wanted > 0 for node in nodes), "node")
    if all(node.ok for node in nodes):
        return f"all {_count(wanted, 'tensor')} of {places} loaded."
    return f"{loaded} of {_count(wanted, 'tensor')} of {places} fit."


def _table(nodes: Mapping[str, NodeReport]) -> Iterator[str]:
    shown = {path: node for path, node in nodes.items() if node.num_wanted or not node.ok}
    width = max(len("node"), *(len(path) for path in shown))
    yield f"  {'node':<{width}}" + "".join(f"  {column:>10}" for column in _COLUMNS)
    strangers = [key for node in shown.values() for key in node.unexpected]
    for path, node in shown.items():
        counts = [f"{len(node.loaded)}/{node.num_wanted}"]
        counts += [str(len(getattr(node, column)) or "") for column in _COLUMNS[1:]]
        yield f"  {path:<{width}}" + "".join(f"  {count:>10}" for count in counts).rstrip()
        yield from (f"      {line}" for line in _details(node, strangers))


def _details(node: NodeReport, strangers: Sequence[str]) -> Iterator[str]:
    for each in node.mismatched[:MAX_NAMES]:
        yield f"mismatched  {each.name}: {_sides(each.wanted)} wanted, {_sides(each.found)} found"
    yield from _more(node.mismatched)
    for name in node.missing[:MAX_NAMES]:
        yield f"missing     {name}{_closest(name, node.unexpected, strangers)}"
    yield from _more(node.missing)
    for key in node.unexpected[:MAX_NAMES]:
        yield f"unexpected  {key}"
    yield from _more(node.unexpected)


def _more(names: Sequence[object]) -> Iterator[str]:
    if len(names) > MAX_NAMES:
        yield f"            ... and {len(names) - MAX_NAMES} more"


def _closest(name: str, *candidates: Sequence[str]) -> str:
    """The most similar ending of an unexpected key, of the node's own keys before all others."""
    segments = name.count(".") + 1
    for keys in candidates:
        endings = {".".join(key.split(".")[-segments:]): key for key in keys}
        if match := difflib.get_close_matches(name, endings, n=1, cutoff=0.6):
            return f"  (the file has '{endings[match[0]]}')"
    return ""


def _advice(nodes: Collection[NodeReport]) -> Iterator[str]:
    if any(node.mismatched for node in nodes):
        yield "  Another number of classes? skip_mismatched leaves such tensors as they are."
    if any(node.missing for node in nodes):
        yield "  allow_missing leaves tensors that are not in the file as they are."
    if any(node.unexpected for node in nodes):
        yield "  allow_unexpected passes over tensors that no node has."


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
