"""What a checkpoint says of itself: its spec, params and plugins, and whose weights it has."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composer.blueprint import resolve_spec
from composer.checkpoint import LoadReport, describe_checkpoint
from composer.checkpoint.saved_versions import (
    FORMAT,
    LABEL,
    PLUGINS,
    UNQUALIFIED,
    VERSIONS,
    read_texts,
    read_versions,
)
from composer.discovery import DISTRIBUTION, find_version
from composer.documents import escape
from composer.errors import CheckpointError, SpecError
from composer.graph.self_containment import require_self_contained
from composer.json_documents import parse_json_document
from composer.language import SavedSpec, load_spec

if TYPE_CHECKING:
    from composer.graph.graph import Graph
    from composer.language import Spec

_SPEC = "composer.spec"
_NODES = "composer.nodes"
_VERSION = "2"


@dataclass(frozen=True)
class Provenance:
    """Where weights came from.

    Args:
        file: name of the checkpoint, without its directory.
        format: its format.
        nodes: paths of the nodes that it filled.
    """

    file: str
    format: str
    nodes: tuple[str, ...]

    @classmethod
    def of(cls, report: LoadReport) -> Provenance:
        """The provenance from a load report."""
        nodes = tuple(path for path, node in report.nodes.items() if node.loaded)
        return cls(Path(report.source).name, report.format, nodes)

    def of_nodes(self, paths: Collection[str]) -> Provenance:
        """The provenance of some of the nodes.

        Args:
            paths: their paths.
        """
        return replace(self, nodes=tuple(path for path in self.nodes if path in paths))


@dataclass(frozen=True)
class Description:
    """What is needed to build a graph from a checkpoint.

    Args:
        spec: the spec.
        nodes: the nodes or nested graphs that were saved; empty for all.
    """

    spec: SavedSpec
    nodes: Sequence[str]


def describe_graph(graph: Graph, spec: Spec, nodes: Sequence[str] | None) -> dict[str, str]:
    """The metadata that make a checkpoint describe itself.

    Args:
        graph: the graph.
        spec: its spec, or that with other metadata.
        nodes: what is saved of it, or None for all.
    """
    return {
        FORMAT: _VERSION,
        _SPEC: json.dumps(_with_params(_portable(spec.document), spec)),
        _NODES: json.dumps(list(nodes or [])),
        "composer.name": spec.name,
        "composer.params": json.dumps(dict(spec.params), sort_keys=True),
        PLUGINS: json.dumps(plugin_versions(graph), sort_keys=True),
        VERSIONS: json.dumps(_versions(), sort_keys=True),
        "composer.provenance": json.dumps([asdict(entry) for entry in graph.provenance]),
        "composer.seed": str(graph.seed),
    }


def read_description(path: str | os.PathLike[str]) -> Description:
    """Reads what a checkpoint says of itself.

    Raises:
        CheckpointError: if it cannot be read or does not describe a graph.
    """
    return parse_description(describe_checkpoint(path).metadata, path)


def describes_graph(path: str | os.PathLike[str]) -> bool:
    """Whether a checkpoint says which model it belongs to.

    Raises:
        CheckpointError: if it cannot be read.
    """
    return _SPEC in describe_checkpoint(path).metadata


def parse_description(metadata: Mapping[str, str], path: str | os.PathLike[str]) -> Description:
    """The description in the metadata of a checkpoint, which names no other file.

    Raises:
        CheckpointError: there is none, it is damaged, or names a file.
    """
    if _SPEC not in metadata:
        raise CheckpointError(
            f"{path}: this checkpoint does not say what it belongs to. "
            "Load it into a graph: Graph.from_spec(spec, weights=...)"
        )
    if metadata.get(FORMAT) not in (_VERSION, UNQUALIFIED):
        found = metadata.get(FORMAT)
        raise CheckpointError(f"{path}: its description has version {found}, known is {_VERSION}")
    try:
        document, nodes = (
            parse_json_document(metadata[_SPEC]),
            parse_json_document(metadata.get(_NODES, "[]")),
        )
    except ValueError as error:
        raise CheckpointError(f"{path}: its description is damaged: {error}") from None
    is_list = isinstance(nodes, list) and all(isinstance(path, str) for path in nodes)
    if not isinstance(document, dict) or not is_list:
        raise CheckpointError(f"{path}: its description is damaged")
    require_self_contained(document, path)
    if metadata[FORMAT] == UNQUALIFIED:
        document = _qualified(document, read_texts(metadata, PLUGINS))
    saved = SavedSpec(_portable(document), os.fspath(path), read_versions(metadata))
    return Description(saved, nodes)


def find_namespaces(metadata: Mapping[str, str]) -> dict[str, str]:
    """The nodes of the model that a checkpoint describes, with the namespaces of their weights.

    Args:
        metadata: the metadata of the file.

    Returns:
        Path -> namespace, nothing if the file describes no model that can be read.
    """
    try:
        nodes = resolve_spec(load_spec(parse_description(metadata, "the checkpoint").spec)).nodes
    except (CheckpointError, SpecError):
        return {}
    return {path: node.namespace for path, node in nodes.items() if node.same_as is None}


def _portable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what refers to files, which are elsewhere or not there."""
    kept = {key: value for key, value in document.items() if key not in ("weights", "extends")}
    if isinstance(inputs := kept.get("inputs"), dict):
        kept["inputs"] = {name: _without_example(value) for name, value in inputs.items()}
    if isinstance(nodes := kept.get("nodes"), dict):
        kept["nodes"] = {n: _portable(v) if isinstance(v, dict) else v for n, v in nodes.items()}
    return kept


def _with_params(document: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """The document with the params that give nodes and images their settings, by name.

    Args:
        document: what `_portable` made of the spec's document; it is changed.
        spec: the spec.
    """
    for param, addresses in spec.resolved.param_uses.items():
        value = escape(spec.params[param])
        for address in addresses:
            *path, key = address.split(".")
            owner, section = _find_section(document, path)
            values = owner[section]
            if values.get(key) == value:  # else a setting has replaced it
                owner[section] = {**values, key: f"${{{param}}}"}
                document.setdefault("params", {})[param] = value
    return document


def _find_section(document: dict[str, Any], path: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What has the values at a path of `param_uses`, and the key that they are under."""
    if len(path) == 3 and path[0] == "inputs" and path[2] == "image":
        document["inputs"] = {**document["inputs"]}
        owner = document["inputs"][path[1]] = {**document["inputs"][path[1]]}
        return owner, "image"
    owner = document
    for name in path:
        owner = owner["nodes"][name]
    return owner, "with"


def _without_example(declared: Any) -> Any:
    if not isinstance(declared, dict):
        return declared
    return {key: value for key, value in declared.items() if key != "example"}


def plugin_versions(graph: Graph) -> dict[str, str]:
    """The distributions of the node types that are used, and their versions."""
    used = [node.publication for node in graph.blueprint.nodes.values()]
    return {one.distribution: one.version for one in used if one is not None}


def _versions() -> dict[str, str]:
    return {name: find_version(name) or "unknown" for name in (DISTRIBUTION, "torch")}


def _qualified(document: Any, labels: Mapping[str, str]) -> Any:
    """A document whose bare node types are qualified by the distributions that were recorded."""
    if not isinstance(document, dict):
        return document
    found = dict(document)
    uses = found.get("uses")
    label = LABEL.search(labels.get(uses, "")) if isinstance(uses, str) else None
    if label and "/" not in str(uses):
        found["uses"] = f"{label['distribution']}/{uses}"
    if isinstance(nodes := found.get("nodes"), dict):
        found["nodes"] = {name: _qualified(node, labels) for name, node in nodes.items()}
    return found
