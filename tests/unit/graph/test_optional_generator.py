"""A generator with a default is given in training only."""

import torch
from torch import Tensor, nn

from composer import Graph

X = torch.ones(4, 3)


def add_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    return x + torch.rand(x.shape, generator=generator)


class Dropping(nn.Module):
    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return x if generator is None else x * torch.rand(x.shape, generator=generator)


def build(*uses):
    nodes, before = {}, "x"
    for name in uses:
        nodes[name] = {"uses": name, "inputs": {"x": before}}
        before = name
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": before}}
    return Graph.from_spec(spec, nodes={"add_noise": add_noise, "dropping": Dropping})


def test_it_is_given_in_training_and_not_in_inference():
    graph = build("dropping")
    assert torch.equal(graph(X)["y"], X)
    assert not torch.equal(graph.train()(X)["y"], X)
    seeded = [graph.run(X, seed=3)["y"] for _ in range(2)]
    assert torch.equal(*seeded)


def test_inference_draws_nothing_from_the_global_generator():
    state = torch.get_rng_state()
    build("dropping").eval()(X)
    assert torch.equal(torch.get_rng_state(), state)


def test_one_without_a_default_is_given_in_both_modes():
    graph = build("add_noise")
    for mode in (False, True):
        assert not torch.equal(graph.train(mode).run(X, seed=1)["y"], X)


def test_a_network_that_drops_paths_is_exported():
    spec = {
        "composer": 1,
        "inputs": {"batch": "ImageBatch"},
        "nodes": {
            "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
            "net": {
                "uses": "vit_backbone",
                "inputs": {"images": "preprocess.images"},
                "with": {
                    "img_size": 32,
                    "patch_size": 8,
                    "embed_dim": 8,
                    "num_heads": 2,
                    "depth": 2,
                    "use_rel_pos": True,
                    "window_size": 3,
                    "window_block_indexes": [0],
                    "drop_path_rate": 0.5,
                },
            },
        },
        "outputs": {"features": "net"},
    }
    graph = Graph.from_spec(spec).eval().requires_grad_(False)
    images = graph.run([{"image": torch.rand(3, 32, 32)}], until="preprocess")
    net = graph.subgraph(until="net", feeds=["preprocess.images"])
    exported = torch.export.export(net, (images,), strict=False).module()
    torch.testing.assert_close(exported(images)["last_feat"], net(images)["last_feat"])
