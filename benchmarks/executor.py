"""What the executor costs by itself: a chain of nodes that do nothing, against plain calls."""

from typing import Any

from torch import Tensor, nn, zeros

from benchmarks.measuring import Comparison, compare
from composer import Graph

NUM_NODES = 50


class Pass(nn.Module):
    """Gives back what it gets."""

    def forward(self, x: Tensor) -> Tensor:
        """The same tensor."""
        return x


def run(rounds: int = 2000) -> list[tuple[str, str, str]]:
    """Microseconds per node that the executor adds to the call of a module."""
    found = _compare(rounds)
    cost = (found.seconds - found.peer_seconds) / NUM_NODES * 1e6
    detail = f"{found.seconds * 1e6:.0f} us against {found.peer_seconds * 1e6:.0f} us"
    return [("executor's cost per node", f"{cost:.2f} us", f"{detail} for {NUM_NODES} nodes")]


def cost_per_node(rounds: int = 500) -> float:
    """Seconds per node that the executor adds to the call of a module."""
    found = _compare(rounds)
    return (found.seconds - found.peer_seconds) / NUM_NODES


def _compare(rounds: int) -> Comparison:
    names = [f"n{i}" for i in range(NUM_NODES)]
    nodes: dict[str, Any] = {
        name: {"uses": "pass", "inputs": {"x": before}}
        for name, before in zip(names, ["x", *names], strict=False)
    }
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": names[-1]}}
    graph = Graph.from_spec(spec, nodes={"pass": Pass})
    modules = [graph.callables[name] for name in names]
    x = zeros(1)

    def by_hand() -> Tensor:
        value = x
        for module in modules:
            value = module(x=value)
        return value

    return compare(lambda: graph(x), by_hand, rounds)
