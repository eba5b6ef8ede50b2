"""What a checkpoint says of itself: its spec, params and plugins, and whose weights it has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composer.checkpoint import LoadReport, describe_checkpoint
from composer.discovery import DISTRIBUTION, find_version
from composer.documents import escape
from composer.errors import CheckpointError
from composer.graph.self_containment import require_self_contained

if TYPE_CHECKING:
    from composer.graph.graph import Graph
    from composer.language import Spec

_FORMAT = "composer.format"
_SPEC = "composer.spec"
_NODES = "composer.nodes"
_VERSION = "1"


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


@dataclass(frozen=True)
class Description:
    """What is needed to build a graph from a checkpoint.

    Args:
        document: the spec, as one plain document.
        nodes: the nodes or nested graphs that were saved; empty for all.
    """

    document: Mapping[str, Any]
    nodes: Sequence[str]


def describe_graph(graph: Graph, spec: Spec, nodes: Sequence[str] | None) -> dict[str, str]:
    """The metadata that make a checkpoint describe itself.

    Args:
        graph: the graph.
        spec: its spec, or that with other metadata.
        nodes: what is saved of it, or None for all.
    """
    return {
        _FORMAT: _VERSION,
        _SPEC: json.dumps(_with_params(_portable(spec.document), spec)),
        _NODES: json.dumps(list(nodes or [])),
        "composer.name": spec.name,
        "composer.params": json.dumps(dict(spec.params), sort_keys=True),
        "composer.plugins": json.dumps(plugin_versions(graph), sort_keys=True),
        "composer.versions": json.dumps(_versions(), sort_keys=True),
        "composer.provenance": json.dumps([asdict(entry) for entry in graph.provenance]),
        "composer.seed": str(graph.seed),
    }


def read_description(path: str | os.PathLike[str]) -> Description:
    """Reads what a checkpoint says of itself.

    Raises:
        CheckpointError: if it cannot be read or does not describe a graph.
    """
    metadata = describe_checkpoint(path).metadata
    if _SPEC not in metadata:
        raise CheckpointError(
            f"{path}: this checkpoint does not say what it belongs to. "
            "Load it into a graph: Graph.from_spec(spec, weights=...)"
        )
    if metadata.get(_FORMAT) != _VERSION:
        found = metadata.get(_FORMAT)
        raise CheckpointError(f"{path}: its description has version {found}, known is {_VERSION}")
    try:
        document, nodes = json.loads(metadata[_SPEC]), json.loads(metadata.get(_NODES, "[]"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its description is damaged: {error}") from None
    if not isinstance(document, dict) or not isinstance(nodes, list):
        raise CheckpointError(f"{path}: its description is damaged")
    require_self_contained(document, path)
    return Description(_portable(document), nodes)


def _portable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what refers to files, which are elsewhere or not there."""
    kept = {key: value for key, value in document.items() if key not in ("weights", "extends")}
    if isinstance(inputs := kept.get("inputs"), dict):
        kept["inputs"] = {name: _without_example(value) for name, value in inputs.items()}
    if isinstance(nodes := kept.get("nodes"), dict):
        kept["nodes"] = {n: _portable(v) if isinstance(v, dict) else v for n, v in nodes.items()}
    return kept


def _with_params(document: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """The document with the params that give nodes their configuration, under their names.

    Args:
        document: what `_portable` made of the spec's document; it is changed.
        spec: the spec.
    """
    for param, addresses in spec.resolved.param_uses.items():
        value = escape(spec.params[param])
        for address in addresses:
            *path, key = address.split(".")
            node = document
            for name in path:
                node = node["nodes"][name]
            if node["with"].get(key) == value:  # else a setting has replaced it
                node["with"] = {**node["with"], key: f"${{{param}}}"}
                document.setdefault("params", {})[param] = value
    return document


def _without_example(declared: Any) -> Any:
    if not isinstance(declared, dict):
        return declared
    return {key: value for key, value in declared.items() if key != "example"}


def plugin_versions(graph: Graph) -> dict[str, str]:
    """The plugin and its version of each node type that is used."""
    return {node.uses: node.label for node in graph.blueprint.nodes.values()}


def _versions() -> dict[str, str]:
    return {name: find_version(name) or "unknown" for name in (DISTRIBUTION, "torch")}
