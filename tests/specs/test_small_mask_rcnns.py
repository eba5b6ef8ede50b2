"""Mask R-CNN for CPUs, plain and in a cascade: small enough to ship, and it trains."""

import pytest
import torch

from composer import Graph
from specs.region_detectors import labelled

SPEC = "mask_rcnn_efficientnet_lite0_fpn"
# Later stages of a cascade refine what the first one finds: at first nothing, so their loss rises.
LATER_BOXES = ("loss_box_reg_stage1", "loss_box_reg_stage2")
SPECS = [SPEC, f"cascade_{SPEC}", "cascade_mask_rcnn_cspnet_fpn"]


@pytest.mark.parametrize("spec", SPECS)
def test_with_one_class_it_fits_into_twelve_megabytes_of_half_precision(spec):
    with torch.device("meta"):
        graph = Graph.from_spec(spec, num_classes=1)
    count = sum(tensor.numel() for tensor in graph.state_dict().values())
    assert 2 * count < 12e6


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_training_lowers_the_loss(spec):
    options = {"num_classes": 2, "freeze_at": 5, "fc_dim": 32, "backbone_norm": "BN"}
    graph = Graph.from_spec(spec, **options).train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=1e-3)
    batch = [labelled([8.0, 8.0, 40.0, 44.0], size=(64, 64))]
    totals = []
    for _ in range(20):
        losses = graph(batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        totals.append(sum(losses[name].item() for name in losses if name not in LATER_BOXES))
    assert totals[-1] < 0.7 * totals[0]


@pytest.mark.parametrize(("param", "value"), [("variant", "lite1"), ("freeze_at", 0)])
def test_params_reach_the_backbone(param, value):
    with torch.device("meta"):
        usual, other = Graph.from_spec(SPEC), Graph.from_spec(SPEC, **{param: value})
    learning = [
        sum(weight.numel() for weight in graph.parameters() if weight.requires_grad)
        for graph in (usual, other)
    ]
    assert learning[0] < learning[1]


@pytest.mark.parametrize("spec", SPECS)
def test_the_canonical_size_reaches_every_pooler(spec):
    with torch.device("meta"):
        graph = Graph.from_spec(spec, canonical_box_size=100)
    nodes = graph.blueprint.nodes
    sizes = [node.config["canonical_box_size"] for path, node in nodes.items() if "pooler" in path]
    assert set(sizes) == {100}
    assert len(sizes) == (4 if spec.startswith("cascade") else 2)
