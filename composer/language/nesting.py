"""Puts one document together: `extends` merged, params in place, nested specs written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from composer.documents import Located, Place, Problem, ProblemLog, substitute_params
from composer.errors import SpecError
from composer.language.form import check_form
from composer.language.merging import merge
from composer.language.sources import Document, SpecSource, find_document
from composer.names import did_you_mean

_MAX_DOCUMENTS = 1000


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
        log: takes the problems of form; what had one is marked as faulty.

    Raises:
        SpecError: where a document cannot be read at all.
    """
    document = find_document(source, log)
    return _Assembler(log, document).assemble(document, given, Located(None, Place("")))


def read_extended(source: SpecSource, log: ProblemLog) -> Located:
    """A spec merged over those that it extends, as written: params are not put in place.

    Raises:
        SpecError: where a document cannot be read at all.
    """
    document = find_document(source, log)
    return _Assembler(log, document).extended(document)


class _Assembler:
    """Follows references between documents; `trail` holds the ones being read."""

    def __init__(self, log: ProblemLog, document: Document) -> None:
        self.log = log
        self.trail = [document.key]
        self.num_documents = 0

    def assemble(
        self, document: Document, given: Mapping[str, Located], changes: Located
    ) -> Assembly:
        """One document, with `changes` to its nodes and outputs merged over."""
        merged = self.extended(document)
        if merged.faulty:
            return Assembly(merged, {})
        root, params = substitute_params(merged, given, self.log)
        if changes.is_mapping:
            root = merge(root, changes)
        root = check_form(root, self.log)
        if root.faulty:
            return Assembly(root, params)
        items = {key: item for key, item in root.entries() if key not in ("extends", "params")}
        items["nodes"] = self.nodes_written_out(items["nodes"])
        return Assembly(replace(root, value=items), params)

    def extended(self, document: Document) -> Located:
        """The document merged over those it extends, the last of them on top."""
        extends = document.root.get("extends")
        if extends is None or extends.value is None:
            return document.root
        names = extends.value if isinstance(extends.value, list) else [extends]
        merged: Located | None = None
        for name in names:
            base = self.open(name)
            if base is None:
                return document.root.marked_faulty()
            below = self.extended(base)
            self.trail.pop()
            merged = below if merged is None else merge(merged, below)
        return document.root if merged is None else merge(merged, document.root)

    def open(self, name: Located) -> Document | None:
        """Reads a referenced document and puts it on the trail; None if it cannot be read."""
        if not isinstance(name.value, str):
            self.log.add(name.place, "a spec is named by a text")
            return None
        try:
            found = find_document(name.value, self.log, name.place)
        except SpecError as error:
            self.log.extend(error)
            return None
        if found.key in self.trail:
            self.log.add(name.place, f"'{name.value}' refers back to itself")
            return None
        self.num_documents += 1
        if self.num_documents > _MAX_DOCUMENTS:
            raise SpecError([Problem(name.place, f"more than {_MAX_DOCUMENTS} specs are nested")])
        self.trail.append(found.key)
        return found

    def nodes_written_out(self, nodes: Located) -> Located:
        items = {name: self.node_written_out(node) for name, node in nodes.entries()}
        return replace(nodes, value=items)

    def node_written_out(self, node: Located) -> Located:
        """The node with the nested graph of its `spec:` in place."""
        reference, nested = node.get("spec"), node.get("nodes")
        if node.faulty or (reference is not None and reference.faulty):
            return node.marked_faulty()
        if reference is None or reference.value is None:
            if nested is None or not nested.is_mapping:
                return node
            return _with(node, nodes=self.nodes_written_out(nested))
        inner = self.open(reference)
        if inner is None:
            return node.marked_faulty()
        given = node.get("params")
        changes = {key: node.value[key] for key in ("nodes", "outputs") if node.get(key)}
        assembly = self.assemble(
            inner,
            dict(given.entries()) if given is not None else {},
            Located(changes, node.place, node.key_places),
        )
        self.trail.pop()
        outputs = assembly.root.get("outputs")
        if assembly.root.faulty or (outputs is not None and outputs.faulty):
            return node.marked_faulty()
        return self.inlined(node, assembly.root)

    def inlined(self, node: Located, inner: Located) -> Located:
        wires = self.checked_wires(node, inner)
        nodes = inner.get("nodes") or _empty(node)
        weights = inner.get("weights")
        if weights is not None and weights.is_mapping:
            for path, file in weights.entries():
                nodes = self.with_weights(nodes, path.split("."), file)
            weights = None
        return _with(
            node,
            spec=None,
            params=None,
            inputs=wires,
            nodes=nodes,
            outputs=inner.get("outputs"),
            weights=node.get("weights") or weights,
            freeze=node.get("freeze") or inner.get("freeze"),
            doc=node.get("doc") or inner.get("doc"),
        )

    def checked_wires(self, node: Located, inner: Located) -> Located:
        """The node's wires, with an empty one for each input that is left open."""
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
            is_open = optional is not None and optional.value is True
            if not is_open:
                place = node.value["spec"].place
                self.log.add(place, f"the nested spec wants an input '{name}'")
            items[name] = Located(None, node.place, faulty=not is_open)
        return replace(wires, value=items)

    def with_weights(self, nodes: Located, path: list[str], file: Located) -> Located:
        """The nodes of a nested spec with a checkpoint that it names put at one of them."""
        node = nodes.get(path[0])
        if node is None or not node.is_mapping:
            hint = did_you_mean(path[0], dict(nodes.entries()), "nodes")
            self.log.add(file.place, f"there is no node '{path[0]}' to load weights into", hint)
            return nodes
        if len(path) == 1:
            changed = _with(node, weights=node.get("weights") or file)
        else:
            inner = node.get("nodes") or _empty(node)
            changed = _with(node, nodes=self.with_weights(inner, path[1:], file))
        return replace(nodes, value={**nodes.value, path[0]: changed})


def _empty(node: Located) -> Located:
    return Located({}, node.place)


def _with(node: Located, **entries: Located | None) -> Located:
    items = {**node.value, **{key: value for key, value in entries.items() if value is not None}}
    for key, value in entries.items():
        if value is None:
            items.pop(key, None)
    return replace(node, value=items)
