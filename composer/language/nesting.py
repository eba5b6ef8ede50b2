"""Puts one document together: `extends` merged, params in place, nested specs written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from composer.documents import (
    Located,
    Place,
    Problem,
    ProblemLog,
    Setting,
    inlined_params,
    substitute_params,
    unused_params,
)
from composer.errors import SpecError
from composer.language.form import check_form
from composer.language.handing_on import prepare
from composer.language.merging import merge, merge_settings
from composer.language.param_uses import find_param_uses
from composer.language.settings import Resolved, resolve_settings
from composer.language.sources import (
    Document,
    Library,
    SpecSource,
    find_document,
    suggest_other,
)
from composer.names import did_you_mean

_MAX_DOCUMENTS = 1000
_MAX_DEPTH = 64  # of nested graphs, and of specs that refer to specs
_MAX_ROUNDS = 20  # each puts what one param was set to into others


def assemble(
    source: SpecSource, settings: Sequence[Setting], log: ProblemLog
) -> tuple[Located, Resolved]:
    """Reads a spec and everything it refers to.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        settings: values by address, over those of the spec.
        log: takes the problems of form; what had one is marked as faulty.

    Returns:
        A document that refers to no other and has no params, and what its settings mean.

    Raises:
        SpecError: where a document cannot be read at all.
    """
    document = find_document(source, log)
    library = Library(log)
    values: Mapping[str, Located] = {}
    for _ in range(_MAX_ROUNDS):
        # Params are put in place before anything else, and which there are is known afterwards.
        noted = ProblemLog()
        assembler = _Assembler(noted, document, library, values)
        root = assembler.assemble(document)
        if root.faulty:
            break
        root, resolved = resolve_settings(root, settings, assembler.params, assembler.handed, noted)
        if _plain(resolved.values) == _plain(values):
            log.update(noted)
            notes = (*assembler.notes, *resolved.notes, *map(_note_unused, assembler.unused))
            uses = find_param_uses(root, assembler.params, assembler.inside_texts)
            return root, replace(resolved, notes=notes, param_uses=uses)
        values = resolved.values
    else:
        noted.add(root.place, "the settings of params refer to each other in a ring")
        root = root.marked_faulty()
    log.update(noted)
    return root, Resolved()


def _note_unused(param: tuple[str, Place]) -> str:
    name, place = param
    return f"{place}: the param '{name}' is used nowhere; values of nodes are given under 'set'"


def _plain(values: Mapping[str, Located]) -> dict[str, Any]:
    return {address: value.plain() for address, value in values.items()}


def read_extended(source: SpecSource, log: ProblemLog) -> Located:
    """A spec merged over those that it extends, as written: params are not put in place.

    Raises:
        SpecError: where a document cannot be read at all.
    """
    document = find_document(source, log)
    return _Assembler(log, document, Library(log), {}).extended(document)


class _Assembler:
    """Follows references between documents.

    Args:
        log: takes the problems.
        document: the outermost document.
        library: reads the documents that are referred to.
        values: values of params by address, over those that are handed on.

    Attributes:
        trail: the documents that are being read.
        params: the params of all documents by address.
        handed: of the params in `values`, what they were handed.
        unused: the params of the outermost document that nothing uses, with their places.
        inside_texts: params by address that stand inside of longer texts.
        notes: remarks on the choice of documents, each once.
    """

    def __init__(
        self,
        log: ProblemLog,
        document: Document,
        library: Library,
        values: Mapping[str, Located],
    ) -> None:
        self.log, self.library, self.values = log, library, values
        self.trail = [document.key]
        self.notes = dict.fromkeys(document.notes)
        self.num_documents = 0
        self.params: dict[str, Located] = {}
        self.handed: dict[str, Located] = {}
        self.unused: list[tuple[str, Place]] = []
        self.inside_texts: set[str] = set()

    def assemble(self, document: Document, path: str = "", node: Located | None = None) -> Located:
        """One document, with the changes of the node that it is nested in merged over."""
        merged = self.extended(document)
        if merged.faulty:
            return merged
        self.unused = self.unused if path else unused_params(merged)
        section = node.get("params") if node is not None else None
        root = self.substituted(merged, path, dict(section.entries()) if section else {})
        if node is not None:
            changes = {key: node.value[key] for key in ("nodes", "outputs") if node.get(key)}
            root = merge(root, Located(changes, node.place, node.key_places)) if changes else root
        root = check_form(root, self.log)
        if root.faulty:
            return root
        items = {key: item for key, item in root.entries() if key not in ("extends", "params")}
        items["nodes"] = self.nodes_written_out(items["nodes"], path)
        return replace(root, value=items)

    def substituted(self, merged: Located, path: str, handed: dict[str, Located]) -> Located:
        """The document with the params of its nested graph put in place."""
        prefix = f"{path}." if path else ""
        self.inside_texts |= {prefix + name for name in inlined_params(merged)}
        declared = merged.get("params")
        names = [name for name, _ in declared.entries()] if declared is not None else []
        given = {name: self.values[prefix + name] for name in names if prefix + name in self.values}
        before = substitute_params(merged, handed, ProblemLog(), path)[1] if given else {}
        root, params = substitute_params(merged, {**handed, **given}, self.log, path)
        self.params |= {prefix + name: value for name, value in params.items()}
        self.handed |= {prefix + name: before[name] for name in given}
        return root

    def extended(self, document: Document) -> Located:
        """The document merged over those it extends, the last of them on top."""
        root = prepare(document.root, self.log)
        extends = root.get("extends")
        if extends is None or extends.value is None:
            return root
        names = extends.value if isinstance(extends.value, list) else [extends]
        merged: Located | None = None
        for number, name in enumerate(names):
            if name.plain() in [other.plain() for other in names[:number]]:
                self.log.add(name.place, f"'{name.value}' is extended twice")
            base = self.open(name)
            if base is None:
                return root.marked_faulty()
            below = self.extended(base)
            self.trail.pop()
            merged = below if merged is None else merge(merged, below)
        return root if merged is None else merge(merged, root)

    def open(self, name: Located) -> Document | None:
        """Reads a referenced document and puts it on the trail; None if it cannot be read."""
        if not isinstance(name.value, str):
            self.log.add(name.place, "a spec is named by a text")
            return None
        try:
            found = self.library.read(name)
        except SpecError as error:
            self.log.extend(error)
            return None
        self.notes |= dict.fromkeys(found.notes)
        if found.key in self.trail:
            hint = suggest_other(name.value, name.place.source)
            self.log.add(name.place, f"'{name.value}' refers back to itself", hint)
            return None
        if len(self.trail) > _MAX_DEPTH:
            self.log.add(name.place, f"more than {_MAX_DEPTH} specs refer to one another")
            return None
        self.num_documents += 1
        if self.num_documents > _MAX_DOCUMENTS:
            raise SpecError([Problem(name.place, f"more than {_MAX_DOCUMENTS} specs are nested")])
        self.trail.append(found.key)
        return found

    def nodes_written_out(self, nodes: Located, path: str) -> Located:
        prefix = f"{path}." if path else ""
        items = {name: self.node_written_out(node, prefix + name) for name, node in nodes.entries()}
        return replace(nodes, value=items)

    def node_written_out(self, node: Located, path: str) -> Located:
        """The node with the nested graph of its `spec:` in place."""
        reference, nested = node.get("spec"), node.get("nodes")
        if path.count(".") >= _MAX_DEPTH:
            self.log.add(node.place, f"more than {_MAX_DEPTH} graphs are nested in one another")
            return node.marked_faulty()
        if node.faulty or (reference is not None and reference.faulty):
            return node.marked_faulty()
        if reference is None or reference.value is None:
            if nested is None or not nested.is_mapping:
                return node
            return _with(node, nodes=self.nodes_written_out(nested, path))
        inner = self.open(reference)
        if inner is None:
            return node.marked_faulty()
        root = self.assemble(inner, path, node)
        self.trail.pop()
        outputs = root.get("outputs")
        if root.faulty or (outputs is not None and outputs.faulty):
            return node.marked_faulty()
        return self.inlined(node, root)

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
            set=merge_settings(inner.get("set"), node.get("set")),
            aliases=inner.get("aliases"),
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
                message = f"the nested spec has no input '{name}'"
                hint = partial(did_you_mean, name, declared.value, "inputs")
                self.log.add(wires.key_place(name), message, hint)
        for name, declaration in declared.entries():
            if name in items:
                continue
            optional = declaration.get("optional")
            is_open = optional is not None and optional.value is True
            if not is_open:
                place = node.value["spec"].place
                self.log.add(place, f"the nested spec needs an input '{name}'")
            items[name] = Located(None, node.place, faulty=not is_open)
        return replace(wires, value=items)

    def with_weights(self, nodes: Located, path: list[str], file: Located) -> Located:
        """The nodes of a nested spec with a checkpoint that it names put at one of them."""
        node = nodes.get(path[0])
        if node is None or not node.is_mapping:
            hint = partial(did_you_mean, path[0], dict(nodes.entries()), "nodes")
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
