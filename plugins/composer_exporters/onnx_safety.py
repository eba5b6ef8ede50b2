"""What an ONNX file of somebody else may not have: custom operators, and data elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_DOMAINS = ("", "ai.onnx")


def require_plain(file: Path) -> frozenset[str]:
    """Refuses a file that needs code or data which are not in it or beside it.

    Returns:
        The names of the files beside it that have data of it.

    Raises:
        ValueError: it is damaged, has custom operators, or data outside its folder.
    """
    import onnx

    try:
        model: Any = onnx.load(file, load_external_data=False)
    except Exception as error:
        raise ValueError(f"'{file}': this is no ONNX file, or it is damaged") from error
    if not model.HasField("graph"):  # as in an empty file
        raise ValueError(f"'{file}': this is no ONNX file, it has no graph")
    functions = {(each.domain, each.name) for each in model.functions}
    graphs = [model.graph, *model.functions]
    nodes = list(_walk([node for graph in graphs for node in graph.node]))
    for node in nodes:
        if node.domain not in _DOMAINS and (node.domain, node.op_type) not in functions:
            raise ValueError(f"'{file}' needs the custom operator {node.domain}.{node.op_type}")
    tensors = [*_weights(model.graph), *(t for node in nodes for t in _tensors(node))]
    locations = {e.value for t in tensors for e in t.external_data if e.key == "location"}
    for location in sorted(locations):
        _require_beside(file, location)
    return frozenset(locations)


def _walk(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _walk(graph.node)


def _tensors(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield attribute.t
        yield from attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from _weights(graph)


def _weights(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)


def _require_beside(file: Path, location: str) -> None:
    path = file.parent / location
    is_within = path.resolve().parent == file.parent.resolve() and Path(location).name == location
    if not is_within or not path.is_file():
        raise ValueError(f"'{file}' has data in '{location}', which is not a file beside it")
