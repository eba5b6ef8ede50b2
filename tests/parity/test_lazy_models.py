"""Mask R-CNN on transformers, MViTv2 and RegNet against detectron2, whose LazyConfigs have them.

Compared are keys, intermediates, outputs, losses and gradients, as for other models.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from composer import Graph
from parity.configurations import read_lazy_state_dict
from parity.golden import (
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    match_boxes,
    matched_share,
)
from parity.golden_training import GoldenTraining, assert_step_matches

SMALL = {
    "fpn_channels": 16,
    "mask_conv_dim": 16,
    "rpn_post_nms_topk_inference": 200,
    "rpn_batch_size_per_image": 50000,
    "batch_size_per_image": 8192,
}
CONVOLUTIONS = {"*.box_head.conv_dims": [16, 16, 16, 16], "*.box_head.fc_dims": [32]}
TRANSFORMER = {"image_size": 320, "drop_path_rate": 0.0, **CONVOLUTIONS}
VITDET = {
    **TRANSFORMER,
    "backbone.net.embed_dim": 32,
    "backbone.net.depth": 4,
    "backbone.net.num_heads": 2,
    "backbone.net.window_size": 5,
    "backbone.net.window_block_indexes": [0, 2],
}
SWIN = {
    **TRANSFORMER,
    "backbone.bottom_up.embed_dim": 16,
    "backbone.bottom_up.depths": [2, 2, 2, 2],
    "backbone.bottom_up.num_heads": [1, 2, 4, 8],
    "backbone.bottom_up.window_size": 5,
}
MVIT = {
    "preprocess.square_size": 320,
    "backbone.bottom_up.depth": 6,
    "backbone.bottom_up.embed_dim": 16,
    "backbone.bottom_up.last_block_indexes": [0, 2, 4, 5],
    "drop_path_rate": 0.0,
    "fc_dim": 32,
}
REGNET = {
    **CONVOLUTIONS,
    "backbone.bottom_up.depth": 6,
    "backbone.bottom_up.w_0": 8,
    "backbone.bottom_up.w_a": 8.0,
    "backbone.bottom_up.w_m": 2.0,
    "backbone.bottom_up.group_width": 8,
    "backbone.bottom_up.stem_width": 8,
    "backbone.bottom_up.norm": "FrozenBN",
}


@dataclass(frozen=True)
class Model:
    """A case, and the shipped spec and settings that make it."""

    case: str
    spec: str
    settings: dict[str, Any]

    def build(self) -> Graph:
        weights = GoldenCase(self.case).weights
        return Graph.from_spec(self.spec, weights=weights, **SMALL, **self.settings)


MODELS = [
    Model("mask_rcnn_vitdet", "mask_rcnn_vitdet", VITDET),
    Model("cascade_mask_rcnn_swin", "cascade_mask_rcnn_swin", SWIN),
    Model("mask_rcnn_mvitv2_t", "mask_rcnn_mvitv2_fpn", MVIT),
    Model("mask_rcnn_regnetx", "mask_rcnn_regnetx_4gf_fpn_lsj", REGNET),
]
# Specs, their settings, and the published models with their key lists.
PUBLISHED = [
    ("mask_rcnn_vitdet", {"size": "h"}, "ViTDet-COCO__mask_rcnn_vitdet_h_75ep"),
    ("mask_rcnn_vitdet_lvis", {"size": "h"}, "ViTDet-LVIS__mask_rcnn_vitdet_h_100ep"),
    *(
        (
            f"cascade_mask_rcnn_vitdet{'_lvis' * (section == 'LVIS')}",
            {"size": size},
            f"ViTDet-{section}__cascade_mask_rcnn_vitdet_{size}_100ep",
        )
        for section in ("COCO", "LVIS")
        for size in ("b", "l")
    ),
    (
        "cascade_mask_rcnn_swin",
        {"size": "b"},
        "ViTDet-COCO__cascade_mask_rcnn_swin_b_in21k_50ep",
    ),
    (
        "cascade_mask_rcnn_swin_lvis",
        {"size": "b"},
        "ViTDet-LVIS__cascade_mask_rcnn_swin_b_in21k_50ep",
    ),
    ("cascade_mask_rcnn_mvitv2_fpn", {"size": "t"}, "MViTv2__cascade_mask_rcnn_mvitv2_t_3x"),
    ("cascade_mask_rcnn_mvitv2_fpn", {}, "MViTv2__cascade_mask_rcnn_mvitv2_b_3x"),
    (
        "cascade_mask_rcnn_mvitv2_fpn",
        {"size": "l"},
        "MViTv2__cascade_mask_rcnn_mvitv2_l_in21k_lsj_50ep",
    ),
    (
        "cascade_mask_rcnn_mvitv2_vitdet",
        {},
        "ViTDet-COCO__cascade_mask_rcnn_mvitv2_b_in21k_100ep",
    ),
    (
        "cascade_mask_rcnn_mvitv2_vitdet_lvis",
        {},
        "ViTDet-LVIS__cascade_mask_rcnn_mvitv2_b_in21k_100ep",
    ),
    ("mask_rcnn_r50_fpn_lsj", {"depth": 101}, "new_baselines__mask_rcnn_R_101_FPN_100ep_LSJ"),
    (
        "mask_rcnn_regnetx_4gf_fpn",
        {},
        "COCO-InstanceSegmentation__mask_rcnn_regnetx_4gf_dds_fpn_1x",
    ),
    (
        "mask_rcnn_regnetx_4gf_fpn_lsj",
        {},
        "new_baselines__mask_rcnn_regnetx_4gf_dds_FPN_100ep_LSJ",
    ),
]


@pytest.fixture(params=MODELS, ids=lambda model: model.case)
def model(request):
    golden = GoldenCase(request.param.case)
    if not golden.is_at_hand:
        pytest.skip(f"{golden.name} is not among the golden cases here: see data/README.md")
    return request.param


@pytest.mark.parametrize(("spec", "params", "name"), PUBLISHED)
def test_the_state_dict_has_the_keys_and_shapes_of_detectron2(spec, params, name):
    with torch.device("meta"):
        graph = Graph.from_spec(spec, **params)
    actual = {name: list(value.shape) for name, value in graph.state_dict().items()}
    assert actual == read_lazy_state_dict(name)


def test_images_give_the_golden_features_and_proposals(model):
    golden = GoldenCase(model.case)
    graph = model.build().requires_grad_(False)
    found = graph.run(golden.records, until=["backbone", "proposal_generator"])
    assert_features_match(found["backbone"], golden)
    for boxes, expected in zip(found["proposal_generator"], golden.proposals[0], strict=True):
        pairs = match_boxes(boxes, expected)
        assert matched_share(pairs, len(boxes), len(expected)) >= SMALLEST_MATCHED_SHARE


def test_golden_proposals_give_the_golden_instances(model):
    golden = GoldenCase(model.case)
    graph = model.build().requires_grad_(False)
    found = graph.run(golden.records, feeds={"proposal_generator": golden.proposals[0]})
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_images_give_the_golden_instances_end_to_end(model):
    golden = GoldenCase(model.case)
    found = model.build().requires_grad_(False)(golden.records)
    assert_instances_match([one["instances"] for one in found], golden.instances)


def test_a_training_step_gives_the_golden_losses_and_gradients(model):
    assert_step_matches(model.build(), GoldenTraining(model.case))
