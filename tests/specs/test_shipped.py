"""Every spec that ships is drawn, makes the same graph from its document, and runs when small."""

from functools import cache

import pytest
import torch

from composer import Graph
from composer.construction import check_source
from composer.discovery import shipped_specs
from composer.draw import make_diagram
from composer.structures import Boxes, Instances
from drawings import check_drawings
from known_settings import known_settings

# Those of transformers have tests of their own, as they need an extra.
SPECS = [name for name in shipped_specs() if not name.startswith("transformers/")]
SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 64,
    "fc_dim": 16,
    "mask_conv_dim": 64,
    "keypoint_conv_dim": 16,
    "num_convs": 1,
    "num_classes": 3,
    "max_per_image": 5,
    "w_0": 8,
    "w_a": 8.0,
    "w_m": 2.0,
    "group_width": 8,
}
WIDER = {"stem_out_channels": 32, "res2_out_channels": 32, "width_per_group": 32}
POINTS = {"point_head.fc_dims": [4], "coarse_head.conv_dim": 8, "coarse_head.fc_dims": [8]}
MVIT = {"size": "t", "embed_dim": 8, "image_size": 64}
FOUR_STAGES = {"depth": 6}  # as many as the pyramid of a RegNet has levels
HEAD = {"image_size": 64, "*.box_head.conv_dims": [16, 16], "*.box_head.fc_dims": [16]}
VIT = {
    **HEAD,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 2,
    "window_size": 3,
    "window_block_indexes": [0],
}
SWIN = {
    **HEAD,
    "embed_dim": 8,
    "depths": [1, 1, 2, 1],
    "backbone.bottom_up.num_heads": [1, 1, 2, 2],
    "window_size": 3,
}
MOBILE = {"backbone.bottom_up.options": {"width_mult": 0.25}}
NEEDS = {
    "cascade_mask_rcnn_mvitv2_fpn": MVIT,
    "cascade_mask_rcnn_mvitv2_vitdet": MVIT,
    "cascade_mask_rcnn_mvitv2_vitdet_lvis": MVIT,
    "mask_rcnn_mvitv2_fpn": MVIT,
    "mask_rcnn_vitdet": VIT,
    "mask_rcnn_vitdet_lvis": VIT,
    "cascade_mask_rcnn_vitdet": VIT,
    "cascade_mask_rcnn_vitdet_lvis": VIT,
    "cascade_mask_rcnn_swin": SWIN,
    "cascade_mask_rcnn_swin_lvis": SWIN,
    "mask_rcnn_r50_fpn_gn": WIDER,  # a group normalisation has 32 groups
    "point_rend_r50_fpn": POINTS,
    "torchvision/fasterrcnn_mobilenet_v3_large_fpn": MOBILE,
    "torchvision/fasterrcnn_mobilenet_v3_large_320_fpn": MOBILE,
    "torchvision/ssd300_vgg16": {"backbone.name": "vgg11"},
    "torchvision/ssdlite320_mobilenet_v3_large": {"width_mult": 0.25},
    "mask_rcnn_regnetx_4gf_fpn": FOUR_STAGES,
    "mask_rcnn_regnetx_4gf_fpn_lsj": FOUR_STAGES,
    "mask_rcnn_regnety_4gf_fpn": FOUR_STAGES,
    "mask_rcnn_regnety_4gf_fpn_lsj": FOUR_STAGES,
}


def small_params(name):
    wanted = {**SMALL, **NEEDS.get(name, {})}
    return known_settings(name, wanted)


@cache
def blueprint_of(name):
    return check_source(name, set=small_params(name))


def record():
    """A small image, and proposals for the models that do not make their own."""
    proposals = Instances(
        (32, 32),
        proposal_boxes=Boxes(torch.tensor([[4.0, 4.0, 20.0, 20.0], [0.0, 0.0, 30.0, 28.0]])),
        objectness_logits=torch.zeros(2),
    )
    return {"image": torch.rand(3, 32, 32) * 255, "proposals": proposals}


def test_there_are_specs_to_test():
    assert "mask_rcnn_r50_fpn" in SPECS


def wires_of(blueprint, mode):
    """The ends of all wires, as they are run."""
    heads = [(f"output {name}", end) for name, end in blueprint.outputs[mode].items()]
    for path in blueprint.nodes_in(mode):
        heads += [(path, end) for end in blueprint.nodes[path].arguments[mode].values()]
    return {(slot.path, head) for head, end in heads for slot in end.slots}


@pytest.mark.parametrize("name", SPECS)
def test_it_is_drawn_in_every_form_and_mode(name):
    blueprint = blueprint_of(name)
    for mode in blueprint.spec.modes():
        diagram = make_diagram(blueprint, mode)
        inputs, nodes = blueprint.inputs[mode], blueprint.nodes_in(mode)
        outputs = [f"output {output}" for output in blueprint.outputs[mode]]
        assert sorted(diagram.boxes) == sorted([*inputs, *nodes, *outputs])
        assert {(link.tail, link.head) for link in diagram.links} == wires_of(blueprint, mode)
        check_drawings(diagram)


@pytest.mark.parametrize("name", SPECS)
def test_its_document_makes_the_same_graph(name):
    blueprint = blueprint_of(name)
    again = check_source(blueprint.spec.document)
    assert list(again.nodes) == list(blueprint.nodes)
    for path, node in blueprint.nodes.items():
        other = again.nodes[path]
        assert (other.config, other.shapes) == (node.config, node.shapes)
        assert (other.namespace, other.same_as) == (node.namespace, node.same_as)
        assert other.arguments == node.arguments
    assert again.outputs == blueprint.outputs


@pytest.mark.parametrize("name", SPECS)
def test_it_runs_exactly_what_its_outputs_need(name):
    graph = Graph.from_blueprint(blueprint_of(name)).requires_grad_(False)
    ran = []
    graph.add_hook(lambda path, _: ran.append(path), "before")
    (result,) = graph([record()])
    assert result
    assert tuple(ran) == graph.plan().paths


def test_a_head_is_cut_out_and_exported():
    graph = Graph.from_blueprint(blueprint_of("mask_rcnn_r50_fpn")).requires_grad_(False)
    head = graph.subgraph(until="box_head", feeds=["box_pooler"])
    pooled = torch.rand(5, 64, 7, 7)
    expected = head(pooled)
    assert torch.equal(torch.export.export(head, (pooled,)).module()(pooled), expected)
    assert list(head.state_dict()) == [
        f"roi_heads.box_head.fc{i}.{part}" for i in (1, 2) for part in ("weight", "bias")
    ]
