"""Puts one document together: `extends` merged, params in place, nested specs written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from composer.errors import SpecError
from composer.spec.form import check_form
from composer.spec.located import Located
from composer.spec.merging import merge
from composer.spec.params import substitute_params
from composer.spec.places import Place
from composer.spec.problems import Problem, ProblemLog
from composer.spec.sources import Document, SpecSource, read_document
from composer.spec.suggestion import did_you_mean


@dataclass(frozen=True)
class Assembly:
    """A document that refers to no other, and the values of its params."""

    root: Located
    params: Mapping[str, Located]


def assemble(source: SpecSource, given: Mapping[str, Located], log: ProblemLog) -> Assembly:
    """Reads a spec and everything it refers to.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        given: values for params.
        log: takes the problems of form.

    Raises:
        SpecError: where a document cannot be read at all.
    """
    return _Assembler(log).assemble(read_document(source), given, Located(None, Place("")))


class _Assembler:
    """Follows references between documents; `trail` holds the ones being read."""

    def __init__(self, log: ProblemLog) -> None:
        self.log = log
        self.trail: list[str] = []

    def assemble(
        self, document: Document, given: Mapping[str, Located], changes: Located
    ) -> Assembly:
        """One document, with `changes` to its nodes and outputs merged over."""
        merged = self.extended(document)
        root, params = substitute_params(merged, given, self.log)
        if changes.is_mapping:
            root = merge(root, changes)
        check_form(root, self.log)
        items = {key: item for key, item in root.entries() if key not in ("extends", "params")}
        if "nodes" in items:
            items["nodes"] = self.nodes_written_out(items["nodes"], document)
        return Assembly(replace(root, value=items), params)

    def extended(self, document: Document) -> Located:
        """The document merged over those it extends, the last of them on top."""
        extends = document.root.get("extends")
        if extends is None or extends.value is None:
            return document.root
        names = extends.value if isinstance(extends.value, list) else [extends]
        merged: Located | None = None
        for name in names:
            base = self.open(name, document)
            if base is None:
                continue
            below = self.extended(base)
            self.trail.pop()
            merged = below if merged is None else merge(merged, below)
        return document.root if merged is None else merge(merged, document.root)

    def open(self, name: Located, referrer: Document) -> Document | None:
        """Reads a referenced document and puts it on the trail."""
        if not isinstance(name.value, str):
            return None  # noted by the check of the form
        here = str(referrer.path) if referrer.path else "<dict>"
        try:
            found = read_document(name.value, name.place, referrer.directory)
        except SpecError as error:
            self.log.extend(error)
            return None
        key = str(found.path)
        if key in self.trail or (found.path and key == here):
            self.log.add(name.place, f"'{name.value}' refers back to itself")
            return None
        self.trail.append(key)
        return found

    def nodes_written_out(self, nodes: Located, document: Document) -> Located:
        items = {
            name: self.node_written_out(node, document) if node.is_mapping else node
            for name, node in nodes.entries()
        }
        return replace(nodes, value=items) if nodes.is_mapping else nodes

    def node_written_out(self, node: Located, document: Document) -> Located:
        """The node with the nested graph of its `spec:` in place."""
        reference = node.get("spec")
        if reference is None or not isinstance(reference.value, str):
            nested = node.get("nodes")
            if nested is None:
                return node
            return _with(node, nodes=self.nodes_written_out(nested, document))
        inner = self.open(reference, document)
        if inner is None:
            return _with(node, spec=None, params=None, nodes=node.get("nodes") or _empty(node))
        given = node.get("params")
        changes = {key: node.value[key] for key in ("nodes", "outputs") if node.get(key)}
        assembly = self.assemble(
            inner,
            dict(given.entries()) if given is not None else {},
            Located(changes, node.place, node.key_places),
        )
        self.trail.pop()
        return self.inlined(node, assembly.root)

    def inlined(self, node: Located, inner: Located) -> Located:
        wires = self.checked_wires(node, inner)
        nodes = inner.get("nodes") or _empty(node)
        weights = inner.get("weights")
        if weights is not None and weights.is_mapping:
            for path, file in weights.entries():
                nodes = _with_weights(nodes, path.split("."), file)
            weights = None
        return _with(
            node,
            spec=None,
            params=None,
            inputs=wires,
            nodes=nodes,
            outputs=inner.get("outputs"),
            weights=node.get("weights") or weights,
            doc=node.get("doc") or inner.get("doc"),
        )

    def checked_wires(self, node: Located, inner: Located) -> Located:
        """The node's wires, with an empty one for each optional input left open."""
        declared = inner.get("inputs") or _empty(node)
        wires = node.get("inputs") or _empty(node)
        items = dict(wires.entries())
        for name in items:
            if declared.get(name) is None:
                hint = did_you_mean(name, dict(declared.entries()), "inputs")
                self.log.add(wires.key_place(name), f"the nested spec has no input '{name}'", hint)
        for name, declaration in declared.entries():
            if name in items:
                continue
            optional = declaration.get("optional")
            if optional is None or optional.value is not True:
                self.log.add(node.place, f"the nested spec wants an input '{name}'")
            items[name] = Located(None, node.place)
        return replace(wires, value=items)


def _empty(node: Located) -> Located:
    return Located({}, node.place)


def _with(node: Located, **entries: Located | None) -> Located:
    items = {**node.value, **{key: value for key, value in entries.items() if value is not None}}
    for key, value in entries.items():
        if value is None:
            items.pop(key, None)
    return replace(node, value=items)


def _with_weights(nodes: Located, path: list[str], file: Located) -> Located:
    node = nodes.get(path[0])
    if node is None or not node.is_mapping:
        problem = Problem(file.place, f"weights are named for '{path[0]}', which is no node")
        raise SpecError([problem])
    if len(path) == 1:
        changed = _with(node, weights=node.get("weights") or file)
    else:
        inner = node.get("nodes") or _empty(node)
        changed = _with(node, nodes=_with_weights(inner, path[1:], file))
    return replace(nodes, value={**nodes.value, path[0]: changed})
