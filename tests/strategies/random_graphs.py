"""Random small graphs: modules, functions with two outputs, samplers, nested graphs, two modes."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from composer import Graph
from sample_nodes import NODES

MODES = ("inference", "training")
_KINDS = ("scale", "shift", "noise", "split", "add", "total", "again")


@dataclass(frozen=True)
class RandomGraph:
    """A spec, and what is known of it without the code under test.

    Args:
        spec: the spec.
        wires: for each node the addresses of the values it reads, by mode and path.
        outputs: addresses of every value by mode; a node of two outputs has two.
    """

    spec: dict[str, Any]
    wires: dict[str, dict[str, list[str]]]
    outputs: dict[str, list[str]]

    def build(self) -> Graph:
        """The graph, its modules in evaluation mode."""
        return Graph.from_spec(self.spec, nodes=NODES)

    def ancestors(self, mode: str, targets: list[str], feeds: list[str]) -> set[str]:
        """The nodes that targets need and feeds do not cut off, found by recursion."""
        found: set[str] = set()

        def visit(address: str) -> None:
            path = node_of(address)
            if address in feeds or path == "x" or path in found:
                return
            found.add(path)
            for read in self.wires[mode][path]:
                visit(read)

        for target in targets:
            visit(target)
        return found


def node_of(address: str) -> str:
    """The path of the node that an address belongs to."""
    return address.removesuffix(".low").removesuffix(".high")


@st.composite
def random_graphs(draw: st.DrawFn, max_nodes: int = 8) -> RandomGraph:
    """Draws a graph whose nodes read any earlier values."""
    count = draw(st.integers(1, max_nodes))
    group_at = draw(st.one_of(st.none(), st.integers(0, count - 1)))
    values = {mode: ["x"] for mode in MODES}
    wires: dict[str, dict[str, list[str]]] = {mode: {} for mode in MODES}
    nodes: dict[str, Any] = {}
    scales: list[str] = []
    for index in range(count):
        kind = draw(st.sampled_from(_KINDS))
        if kind == "again" and not scales:
            kind = "scale"
        when = draw(st.sampled_from([None, None, None, "training"]))
        modes = MODES if when is None else ("training",)
        # A node of both modes reads what both have; inference has no more than training.
        sources = values["training"] if when else values["inference"]
        num_reads = {"add": 2, "total": 3}.get(kind, 1)
        reads = [draw(st.sampled_from(sources)) for _ in range(num_reads)]
        path = f"n{index}"
        node = _node(kind, reads, draw, scales)
        if when:
            node["when"] = when
        if index == group_at and kind != "again":
            nodes[f"g{index}"], path = _nested(node, path, reads, kind), f"g{index}.{path}"
        else:
            nodes[path] = node
        if kind == "scale" and when is None:
            scales.append(path)
        for mode in modes:
            wires[mode][path] = reads
            values[mode] += [f"{path}.low", f"{path}.high"] if kind == "split" else [path]
    last = values["inference"][-1]
    spec = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": nodes,
        "outputs": {"y": {"inference": last, "training": values["training"][-1]}},
    }
    return RandomGraph(spec, wires, {mode: found[1:] for mode, found in values.items()})


def _node(kind: str, reads: list[str], draw: st.DrawFn, scales: list[str]) -> dict[str, Any]:
    if kind == "again":
        return {"same_as": draw(st.sampled_from(scales)), "inputs": {"x": reads[0]}}
    if kind == "add":
        return {"uses": "add", "inputs": {"a": reads[0], "b": reads[1]}}
    if kind == "total":
        return {"uses": "total", "inputs": {"parts": reads[:2], "extra": reads[2]}}
    node: dict[str, Any] = {"uses": kind, "inputs": {"x": reads[0]}}
    if kind == "scale":
        node["with"] = {"start": draw(st.sampled_from([0.5, 1.5, -2.0]))}
    return node


def _nested(node: dict[str, Any], name: str, reads: list[str], kind: str) -> dict[str, Any]:
    """The node inside a nested graph whose inputs are what the node reads."""
    given = {f"in{place}": read for place, read in enumerate(reads)}
    renamed = dict(node)
    places = iter(given)
    renamed["inputs"] = {
        port: [next(places) for _ in wire] if isinstance(wire, list) else next(places)
        for port, wire in node["inputs"].items()
    }
    outputs = {"first": f"{name}.low"} if kind == "split" else {"first": name}
    group = {"inputs": given, "nodes": {name: renamed}, "outputs": outputs}
    if "when" in node:
        group["when"] = renamed.pop("when")
    return group
