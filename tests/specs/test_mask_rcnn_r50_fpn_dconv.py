"""The shipped spec with deformable convolutions differs from Mask R-CNN R50-FPN in them only."""

import pytest
import torch

from composer import Graph
from composer.testing import check_graph
from parity.configurations import read_state_dict

BLOCKS = {"res3": 4, "res4": 6, "res5": 3}
SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 3,
    "score_threshold": 0.0,
}


def list_offset_shapes():
    shapes = {}
    for stage, channels in (("res3", 128), ("res4", 256), ("res5", 512)):
        for index in range(BLOCKS[stage]):
            name = f"backbone.bottom_up.{stage}.{index}.conv2_offset"
            shapes[f"{name}.weight"] = [18, channels, 3, 3]
            shapes[f"{name}.bias"] = [18]
    return shapes


def test_its_keys_are_those_of_mask_rcnn_and_the_offsets():
    graph = Graph.from_spec("mask_rcnn_r50_fpn_dconv")
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == {**read_state_dict("mask_rcnn_R_50_FPN_3x"), **list_offset_shapes()}


@pytest.mark.parametrize("params", [{}, {"deform_modulated": True, "deform_num_groups": 2}])
def test_both_versions_run(params):
    graph = Graph.from_spec("mask_rcnn_r50_fpn_dconv", **SMALL, **params).requires_grad_(False)
    (result,) = graph([{"image": torch.rand(3, 64, 96) * 255}])
    assert len(result["instances"]) > 0
    check_graph(graph.eval(), [{"image": torch.rand(3, 40, 50)}])
    assert ("deform_modulated" in params) == (
        graph.state_dict()["backbone.bottom_up.res5.0.conv2_offset.bias"].numel() == 54
    )
