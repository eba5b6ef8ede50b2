"""Recomputed graphs under torch.compile: values, gradients and what is kept for these."""

import torch
from torch import Tensor, nn

from composer import Graph
from unit.graph.test_recompute import VIT, X, build

SHALLOW = {  # a layer takes seconds to trace
    "vit.depth": 1,
    "swin.depths": [1],
    "swin.num_heads": [1],
    "swin.out_features": ["p0"],
}
BACKEND = "aot_eager"  # traces gradients, and compiles nothing


def compile_anew(graph):
    """The compiled graph, without a trace of others."""
    torch._dynamo.reset()
    return torch.compile(graph, backend=BACKEND)


def check_graph(paths, make, prepare=lambda graph: graph):
    """Recomputed nodes have the values and gradients of plain ones; whether they keep less.

    The plain graph runs as it is unless `prepare` compiles it, too.
    """

    def run(settings, prepare=compile_anew):
        graph, kept = make(settings), []
        prepared = prepare(graph)
        torch.manual_seed(5)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda value: kept.append(value.numel()) or value, lambda value: value
        ):
            found = prepared(X.repeat(64, 1))["y"]
        torch.manual_seed(9)  # what happens in between does not matter
        found.square().sum().backward()
        gradients = {name: one.grad for name, one in graph.named_parameters()}
        return found.detach(), gradients, dict(graph.named_buffers()), sum(kept)

    *expected, plain = run({}, prepare)
    *found, recomputed = run({f"{path}.recompute": True for path in paths})
    torch.testing.assert_close(found, expected)
    return recomputed < plain


class Wide(nn.Module):
    """Keeps much, and draws from torch's own generator."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 64), nn.Linear(64, 3)
        self.norm = nn.BatchNorm1d(64)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.norm(self.first(x)).tanh().sin().exp()
        return self.last(nn.functional.dropout(rows, 0.5))


def make_wide(settings):
    nodes = {
        "a": {"uses": "wide", "inputs": {"x": "x"}},
        "b": {"uses": "wide", "inputs": {"x": "a"}},
    }
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "b"}}
    return Graph.from_spec(spec, nodes={"wide": Wide}, set=settings, seed=1).train()


def check_transformers():
    """The same paths are dropped again, as without a compiler."""
    batch = [{"image": torch.rand(3, 32, 32) * 255} for _ in range(4)]
    results = []
    for value, prepare in ((False, lambda graph: graph), (True, compile_anew)):
        settings = {**SHALLOW, "*.drop_path_rate": 0.5, "*.recompute": value}
        graph = Graph.from_spec(VIT, set=settings, seed=2).train()
        torch.manual_seed(5)
        found = prepare(graph)(batch)
        maps = [map_ for levels in found.values() for map_ in levels.values()]
        torch.autograd.backward([map_.square().mean() for map_ in maps])
        gradients = [one.grad for one in graph.parameters() if one.grad is not None]
        results.append([map_.detach() for map_ in maps] + gradients)
    torch.testing.assert_close(*results)


if __name__ == "__main__":
    check_graph(["outer", "last"], lambda settings: build(**settings))
    assert check_graph(["a", "b"], make_wide, compile_anew)
    check_transformers()
