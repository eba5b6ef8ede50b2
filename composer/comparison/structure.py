"""Differences of two models by structure: nodes, wires, configuration, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from composer.blueprint import Blueprint, Endpoint, Node
from composer.comparison.pairing import Pairing, list_inputs
from composer.node import describe_type

_MAX_TEXT = 60
_MAX_LINE = 120
_NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """One difference of structure.

    Args:
        kind: `removed`, `added`, `renamed`, `type`, `wire`, `configuration`, `node` (another key of
            it), `input`, `image`, `output`, `param`, `frozen` or `metadata`.
        where: path of the node in the first model (of an added one, in the second), or the name of
            an input, output or param; empty for the whole model.
        key: the port, configuration key or other key; empty where `where` says all.
        one: what the first model has.
        other: what the second has.
    """

    kind: str
    where: str
    key: str
    one: str
    other: str

    def to_dict(self) -> dict[str, str]:
        """The change as plain values."""
        return asdict(self)

    @property
    def reason(self) -> str:
        """What is different, without where."""
        if self.kind in ("removed", "added"):
            return f"{self.kind} ({self.one or self.other})"
        if self.kind == "renamed":
            return f"renamed {self.other} (a guess)"
        what = self.key if self.kind in ("configuration", "metadata", "node") else self.kind
        if self.key and self.kind in ("wire", "input", "image", "output"):
            what = f"{self.kind} {self.key}"
        return f"{what}: {_cut(self.one)} -> {_cut(self.other)}"

    def __str__(self) -> str:
        return f"{self.where}  {self.reason}" if self.where else self.reason


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LINE else f"{text[: _MAX_LINE - 3]}..."


def compare_structure(
    one: Blueprint, other: Blueprint, pairing: Pairing, scope: Collection[str] | None = None
) -> tuple[Change, ...]:
    """The differences of two checked models.

    Args:
        one: the first model.
        other: the second.
        pairing: their nodes.
        scope: paths in either model that count, of a comparison until some nodes; all if None,
            and then outputs, params and metadata count, too.
    """
    counts = _all if scope is None else scope.__contains__
    changes = [*_compare_inputs(one, other, pairing, scope)]
    changes += [
        Change("removed", path, "", one.nodes[path].type_name, "") for path in pairing.removed
    ]
    changes += [Change("added", p, "", "", other.nodes[p].type_name) for p in pairing.added]
    for path, theirs in pairing.nodes.items():
        if path in pairing.renamed:
            changes.append(Change("renamed", path, "", path, theirs))
        changes += _compare_nodes(one.nodes[path], other.nodes[theirs], pairing)
    order = {path: index for index, path in enumerate((*pairing.inputs, *one.nodes))}
    changes.sort(key=lambda change: order.get(change.where, len(order)))
    nodes = {*one.nodes, *pairing.added}
    kept = [change for change in changes if change.where not in nodes or counts(change.where)]
    return (*kept, *(() if scope is not None else _compare_wholes(one, other, pairing)))


def _all(_path: str) -> bool:
    return True


def _compare_nodes(one: Node, other: Node, pairing: Pairing) -> Iterator[Change]:
    if _describe_target(one) != _describe_target(other):
        yield Change("type", one.path, "", _describe_target(one), _describe_target(other))
    for key in _union(one.config, other.config):
        ours, theirs = one.config.get(key, _MISSING), other.config.get(key, _MISSING)
        if _plain(ours) != _plain(theirs):
            yield Change("configuration", one.path, key, *_show_both(ours, theirs))
    yield from _compare_wires(one, other, pairing)
    same_as = None if one.same_as is None else pairing.nodes.get(one.same_as, one.same_as)
    for key, ours, theirs in (
        ("modes", sorted(one.arguments), sorted(other.arguments)),
        ("same_as", same_as, other.same_as),
        ("namespace", _own_namespace(one), _own_namespace(other)),
        ("device", one.device, other.device),
        ("recompute", one.recompute, other.recompute),
    ):
        if ours != theirs:
            yield Change("node", one.path, key, *_show_both(ours, theirs))


def _describe_target(node: Node) -> str:
    """The node type; of one that is given in Python, with its own name."""
    if node.publication is not None or node.contract is None:
        return node.type_name
    target = node.contract.target
    name = getattr(target, "__qualname__", type(target).__name__)
    return f"{node.type_name} ({getattr(target, '__module__', '?')}.{name})"


def _own_namespace(node: Node) -> str | None:
    """The namespace of a node; None where it is the path, which may have another name."""
    return None if node.namespace == node.path or node.same_as is not None else node.namespace


def _compare_wires(one: Node, other: Node, pairing: Pairing) -> Iterator[Change]:
    """The ports that are wired otherwise; what both modes have in common is said once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    common = [mode for mode in one.arguments if mode in other.arguments]
    for mode in common:
        ours, theirs = one.arguments[mode], other.arguments[mode]
        for port in _union(ours, theirs):
            shown = _show(ours.get(port)), _show(theirs.get(port))
            if _translate(ours.get(port), pairing) != shown[1]:
                found.setdefault((port, *shown), []).append(mode)
    for (port, ours_, theirs_), modes in found.items():
        in_mode = f" ({modes[0]})" if len(modes) < len(common) else ""
        yield Change("wire", one.path, f"{port}{in_mode}", ours_, theirs_)


def _show(wire: Endpoint | None, rename: Callable[[Any], Any] = str) -> str:
    if wire is None or not wire.slots:
        return _NOTHING
    names = [str(rename(slot)) for slot in wire.slots]
    return f"[{', '.join(names)}]" if wire.gathers else names[0]


def _translate(wire: Endpoint | None, pairing: Pairing) -> str:
    return _show(wire, lambda slot: pairing.translate(slot) or f"{slot} of the first")


def _compare_inputs(
    one: Blueprint, other: Blueprint, pairing: Pairing, scope: Collection[str] | None
) -> Iterator[Change]:
    ours, theirs = one.spec.graph.inputs, other.spec.graph.inputs
    for name, their_name in pairing.inputs.items():
        if name not in ours or their_name not in theirs:
            continue
        if name != their_name:
            yield Change("input", name, "name", name, their_name)
        kinds = _find_type(one, name), _find_type(other, their_name)
        if kinds[0] != kinds[1]:
            yield Change("input", name, "type", *kinds)
        if ours[name].optional != theirs[their_name].optional:
            yield Change(
                "input",
                name,
                "optional",
                *_show_both(ours[name].optional, theirs[their_name].optional),
            )
        formats = ours[name].image.model_dump(), theirs[their_name].image.model_dump()
        for key, value in formats[0].items():
            if value != formats[1][key]:
                yield Change("image", name, key, *_show_both(value, formats[1][key]))
    if scope is None:
        for name in list_inputs(one):
            if name not in pairing.inputs:
                yield Change("removed", name, "", "input", "")
        for name in list_inputs(other):
            if name not in pairing.inputs.values():
                yield Change("added", name, "", "", "input")


def _find_type(blueprint: Blueprint, name: str) -> str:
    types = [inputs[name].type for inputs in blueprint.inputs.values() if name in inputs]
    return describe_type(types[0]) if types else _NOTHING


def _compare_wholes(one: Blueprint, other: Blueprint, pairing: Pairing) -> Iterator[Change]:
    """Outputs, params, frozen parts and metadata."""
    for mode in dict.fromkeys([*one.outputs, *other.outputs]):
        ours, theirs = one.outputs.get(mode, {}), other.outputs.get(mode, {})
        for name in _union(ours, theirs):
            shown = _show(ours.get(name)), _show(theirs.get(name))
            if _translate(ours.get(name), pairing) != shown[1]:
                yield Change("output", name, mode, *shown)
    for name in one.spec.params:
        values = one.spec.params[name], other.spec.params.get(name, _MISSING)
        if values[1] is not _MISSING and _plain(values[0]) != _plain(values[1]):
            yield Change("param", name, "", *_show_both(*values))
    frozen = sorted(one.spec.freeze), sorted(other.spec.freeze)
    if frozen[0] != frozen[1]:
        yield Change("frozen", "", "", *_show_both(*frozen))
    names = one.spec.metadata.model_dump(), other.spec.metadata.model_dump()
    for key, value in names[0].items():
        if _plain(value) != _plain(names[1][key]):
            yield Change("metadata", "", key, *_show_lists(value, names[1][key]))


class _Missing:
    def __repr__(self) -> str:
        return _NOTHING


_MISSING = _Missing()


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _plain(value: Any) -> Any:
    """A value in which tuples are lists, so that forms of one value are equal."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _show_both(one: Any, other: Any) -> tuple[str, str]:
    """Two values as texts; of long lists what is different."""
    if isinstance(one, Sequence) and isinstance(other, Sequence) and len(repr(one)) > _MAX_TEXT:
        return _show_lists(one, other)
    return _show_value(one), _show_value(other)


def _show_lists(one: Any, other: Any) -> tuple[str, str]:
    if not isinstance(one, Sequence) or not isinstance(other, Sequence):
        return _show_value(one), _show_value(other)
    if len(one) != len(other):
        return f"{len(one)} entries", f"{len(other)} entries"
    pairs = enumerate(zip(one, other, strict=True))
    found = [(index, a, b) for index, (a, b) in pairs if _plain(a) != _plain(b)]
    index, ours, theirs = found[0]
    more = f" ({len(found) - 1} more entries differ)" if len(found) > 1 else ""
    return f"[{index}] {_show_value(ours)}", f"[{index}] {_show_value(theirs)}{more}"


def _show_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(_plain(value))
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."
