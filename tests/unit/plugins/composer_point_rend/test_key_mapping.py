import pytest
import torch

from composer import Graph
from composer_point_rend.key_mapping import PointRendMapping
from parity.golden import GoldenCase

MAPPING = PointRendMapping()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("roi_heads.mask_point_head.fc1.weight", "roi_heads.mask_head.point_head.fc1.weight"),
        (
            "roi_heads.mask_coarse_head.prediction.bias",
            "roi_heads.mask_head.coarse_head.prediction.bias",
        ),
        (
            "roi_heads.mask_coarse_head.coarse_mask_fc2.weight",
            "roi_heads.mask_head.coarse_head.fc2.weight",
        ),
        ("roi_heads.box_head.fc1.weight", "roi_heads.box_head.fc1.weight"),
    ],
)
def test_a_weight_gets_the_name_of_the_second_version(key, expected):
    tensor = torch.ones(1)
    assert MAPPING.rename({key: tensor}) == {expected: tensor}


def test_the_first_version_is_recognised_and_others_are_not():
    assert MAPPING.recognises(["roi_heads.mask_coarse_head.prediction.bias"])
    assert not MAPPING.recognises(["roi_heads.mask_head.coarse_head.prediction.bias"])
    assert not MAPPING.recognises(["roi_heads.mask_head.mask_fcn1.weight"])


def test_a_checkpoint_of_the_first_version_loads_whole(tmp_path):
    state = GoldenCase("pointrend_rcnn_fpn").state_dict
    old = {
        key.replace("mask_head.coarse_head.fc", "mask_coarse_head.coarse_mask_fc")
        .replace("mask_head.coarse_head", "mask_coarse_head")
        .replace("mask_head.point_head", "mask_point_head"): value
        for key, value in state.items()
    }
    assert len({*old} - {*state}) == 16
    torch.save({"model": old}, tmp_path / "old.pth")
    graph = Graph.from_spec(
        "point_rend_r50_fpn",
        weights=tmp_path / "old.pth",
        stem_out_channels=8,
        res2_out_channels=16,
        width_per_group=4,
        fpn_channels=16,
        fc_dim=32,
        set={
            "roi_heads.mask_head.coarse_head": {"conv_dim": 16, "fc_dims": [32, 32]},
            "roi_heads.mask_head.point_head.fc_dims": [16, 16, 16],
        },
    )
    for key, value in graph.state_dict().items():
        assert torch.equal(value, state[key]), key
