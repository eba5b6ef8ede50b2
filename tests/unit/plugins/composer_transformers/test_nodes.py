"""Every node of the small graphs keeps the contract of node types."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.testing import check_graph
from transformers_models import (
    CONFIGS,
    MASK_CONFIGS,
    build_ours,
    build_theirs,
    make_mask_records,
    make_records,
)

pytestmark = pytest.mark.slow
KINDS = list(CONFIGS)
ALL_KINDS = [*CONFIGS, *MASK_CONFIGS]
# YOLOS has its queries among the tokens of the image, and draws nothing by default.
OF_QUERIES = dict.fromkeys(ALL_KINDS, "queries.contents") | {"yolos": "embeddings"}
TARGETS = {
    "mask2former": ("predictions", "pixel_decoder.mask_features"),
    "maskformer": ("predictions", "pixel_decoder.mask_features"),
    "detr_segmentation": ("masks", "encoder"),
    "conditional_detr_segmentation": ("masks", "encoder"),
}


@cache
def graph_of(kind):
    torch.manual_seed(0)
    return build_ours(kind, build_theirs(kind))


def records_of(kind):
    return make_mask_records() if kind in MASK_CONFIGS else make_records()


# RT-DETRv2 has the nodes of RT-DETR, with other attention inside.
@pytest.mark.parametrize("kind", [kind for kind in ALL_KINDS if kind != "rt_detr_v2"])
def test_every_node_keeps_the_contract(kind):
    check_graph(graph_of(kind).eval(), records_of(kind))


# Those whose small configurations draw: dropout, noise or points.
@pytest.mark.parametrize("kind", [*(kind for kind in KINDS if kind != "yolos"), "mask2former"])
def test_training_draws_from_the_nodes_own_generators(kind):
    graph = graph_of(kind).train()
    records = records_of(kind)
    one = graph.run(records, seed=3)
    torch.rand(1)
    before = torch.get_rng_state()
    other = graph.run(records, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], other[name]) for name in one)
    different = graph.run(records, seed=4)
    assert any(not torch.equal(one[name], different[name]) for name in one)


@pytest.mark.parametrize("kind", ALL_KINDS)
@torch.no_grad()
def test_parts_run_alone_and_queries_can_be_fed(kind):
    graph = graph_of(kind).eval()
    records = records_of(kind)
    target, encoder = TARGETS.get(kind, ("predictions.logits", "encoder"))
    whole = graph.run(records, until=target)
    name = OF_QUERIES[kind]
    node = name.partition(".")[0]
    outputs = graph.blueprint.nodes[node].contract.outputs
    queries = [f"{node}.{output}" for output in outputs] if len(outputs) > 1 else [node]
    values = graph.run(records, until=[encoder, *queries])
    again = graph.run(records, feeds=values, until=target)
    assert torch.equal(again, whole)
    del values[encoder]
    feeds = {**values, name: values[name] + 1}
    moved = graph.run(records, feeds=feeds, until=target)
    assert not torch.equal(moved, whole)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_images_without_objects_have_losses(kind):
    graph = graph_of(kind).train()
    records = records_of(kind)
    for record in records:  # the first one, and then both
        record["instances"] = record["instances"][:0]
        losses = graph(records)
        assert all(torch.isfinite(loss) for loss in losses.values())
        sum(losses.values()).backward()


@pytest.mark.parametrize("kind", ["deformable_detr", "yolos", "rt_detr", "maskformer"])
@torch.no_grad()
def test_networks_run_in_the_precision_of_their_weights(kind):
    graph = build_ours(kind, build_theirs(kind)).eval().to(torch.bfloat16)
    (one, _) = graph(records_of(kind))
    assert one["instances"].scores.isfinite().all()


def test_yolos_has_losses_of_its_last_layer_only():
    # transformers' own fails where the configuration asks for others.
    graph = build_ours("yolos", build_theirs("yolos"), auxiliary_loss=True).train()
    assert sorted(graph(make_records())) == ["loss_bbox", "loss_ce", "loss_giou"]
