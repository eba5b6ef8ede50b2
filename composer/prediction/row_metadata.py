"""What files of rows say of where they are from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from composer.acceleration import update_digest
from composer.graph import Graph, describe_graph
from composer.row_files import Column, describe_columns

HASH = "composer.weights_hash"
COLUMNS = "composer.columns"
OPTIONS = "composer.options"


def hash_weights(graph: Graph) -> str:
    """A hash of the weights of a graph, by their names: `sha256:...`."""
    digest = hashlib.sha256()
    for name, tensor in sorted(graph.state_dict().items()):
        digest.update(name.encode())
        update_digest(digest, tensor)
    return f"sha256:{digest.hexdigest()}"


def describe_source(graph: Graph, options: Mapping[str, Any]) -> dict[str, Any]:
    """What rows depend on, besides images: the same for two sources that give equal rows.

    Args:
        graph: the model.
        options: what is collected, and how.
    """
    about = describe_graph(graph, graph.spec, None)
    return {
        "model": graph.spec.name,
        "spec": _hash(about["composer.spec"]),
        "weights": hash_weights(graph),
        "optimization": graph.optimization,
        "versions": about["composer.versions"],
        "plugins": about["composer.plugins"],
        **options,
    }


def describe_file(
    graph: Graph,
    options: Mapping[str, Any],
    columns: Sequence[Column],
    sources: Mapping[str, str],
) -> dict[str, str]:
    """The metadata of a file: the spec, the weights' hash, the options, and what each column is.

    Args:
        graph: the model.
        options: what is collected, and how.
        columns: the columns.
        sources: the full names of values by the names of their columns.
    """
    return {
        **describe_graph(graph, graph.spec, None),
        HASH: hash_weights(graph),
        COLUMNS: json.dumps(describe_columns(columns, sources), sort_keys=True),
        OPTIONS: json.dumps({**options, "optimization": graph.optimization}, sort_keys=True),
    }


def _hash(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
