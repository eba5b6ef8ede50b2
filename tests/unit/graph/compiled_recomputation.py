"""Recomputed graphs under torch.compile: values, gradients and what is kept for these."""

import torch
from torch import Tensor, nn

from composer import Graph
from unit.graph.test_recompute import VIT, X, build

SHALLOW = {"vit.depth": 1, "swin.depths": [1, 1]}  # a layer takes seconds to trace
BACKEND = "aot_eager"  # traces gradients, and compiles nothing


def check_graph(paths, make=lambda settings: build(**settings)):
    """Recomputed nodes have the same values and gradients; whether they keep less."""

    def run(settings):
        torch._dynamo.reset()
        graph, kept = make(settings), []
        compiled = torch.compile(graph, backend=BACKEND)
        torch.manual_seed(5)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda value: kept.append(value.numel()) or value, lambda value: value
        ):
            found = compiled(X.repeat(64, 1))["y"]
        torch.manual_seed(9)  # what happens in between does not matter
        found.square().sum().backward()
        gradients = {name: one.grad for name, one in graph.named_parameters()}
        return found.detach(), gradients, dict(graph.named_buffers()), sum(kept)

    *expected, plain = run({})
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
    """The same paths are dropped again."""
    batch = [{"image": torch.rand(3, 32, 32) * 255} for _ in range(4)]
    results = []
    for value in (False, True):
        torch._dynamo.reset()
        settings = {**SHALLOW, "*.drop_path_rate": 0.5, "*.recompute": value}
        graph = Graph.from_spec(VIT, set=settings, seed=2).train()
        torch.manual_seed(5)
        found = torch.compile(graph, backend=BACKEND)(batch)
        maps = [map_ for levels in found.values() for map_ in levels.values()]
        torch.autograd.backward([map_.square().mean() for map_ in maps])
        gradients = [one.grad for one in graph.parameters() if one.grad is not None]
        results.append([map_.detach() for map_ in maps] + gradients)
    torch.testing.assert_close(*results)


if __name__ == "__main__":
    check_graph(["outer", "last"])
    assert check_graph(["a", "b"], make_wide)
    check_transformers()
