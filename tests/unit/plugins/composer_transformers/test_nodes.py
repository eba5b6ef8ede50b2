"""Every node of the small graphs keeps the contract of node types."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.testing import check_graph
from transformers_models import CONFIGS, build_ours, build_theirs, make_records

pytestmark = pytest.mark.slow
KINDS = list(CONFIGS)
# YOLOS has its queries among the tokens of the image, and draws nothing by default.
OF_QUERIES = dict.fromkeys(KINDS, "queries.contents") | {"yolos": "embeddings"}


@cache
def graph_of(kind):
    torch.manual_seed(0)
    return build_ours(kind, build_theirs(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_node_keeps_the_contract(kind):
    check_graph(graph_of(kind).eval(), make_records())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "yolos"])
def test_training_draws_from_the_nodes_own_generators(kind):
    graph = graph_of(kind).train()
    records = make_records()
    one = graph.run(records, seed=3)
    torch.rand(1)
    before = torch.get_rng_state()
    other = graph.run(records, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], other[name]) for name in one)
    different = graph.run(records, seed=4)
    assert any(not torch.equal(one[name], different[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_parts_run_alone_and_queries_can_be_fed(kind):
    graph = graph_of(kind).eval()
    records = make_records()
    whole = graph.run(records, until="predictions.logits")
    name = OF_QUERIES[kind]
    node = name.partition(".")[0]
    outputs = graph.blueprint.nodes[node].contract.outputs
    queries = [f"{node}.{output}" for output in outputs] if len(outputs) > 1 else [node]
    values = graph.run(records, until=["encoder", *queries])
    again = graph.run(records, feeds=values, until="predictions.logits")
    assert torch.equal(again, whole)
    del values["encoder"]
    feeds = {**values, name: values[name] + 1}
    moved = graph.run(records, feeds=feeds, until="predictions.logits")
    assert not torch.equal(moved, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_images_without_objects_have_losses(kind):
    graph = graph_of(kind).train()
    records = make_records()
    for record in records:
        record["instances"] = record["instances"][:0]
    losses = graph(records)
    assert all(torch.isfinite(loss) for loss in losses.values())
