import pytest
import torch

from composer.checkpoint import recognise_keys
from composer_torchvision.key_mapping import DetectorNames, TorchvisionMapping

BODY = ["backbone.body.conv1.weight", "backbone.fpn.inner_blocks.0.0.weight"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("backbone.body.conv1.weight", "backbone.bottom_up.stem.conv1.weight"),
        ("backbone.body.bn1.running_mean", "backbone.bottom_up.stem.conv1.norm.running_mean"),
        ("backbone.body.layer3.5.conv2.weight", "backbone.bottom_up.res4.5.conv2.weight"),
        ("backbone.body.layer1.0.bn3.bias", "backbone.bottom_up.res2.0.conv3.norm.bias"),
        ("backbone.body.layer1.0.downsample.0.weight", "backbone.bottom_up.res2.0.shortcut.weight"),
        (
            "backbone.body.layer1.0.downsample.1.running_var",
            "backbone.bottom_up.res2.0.shortcut.norm.running_var",
        ),
        ("backbone.fpn.extra_blocks.p6.weight", "backbone.top_block.p6.weight"),
        ("rpn.head.cls_logits.bias", "proposal_generator.rpn_head.objectness_logits.bias"),
        ("rpn.head.bbox_pred.bias", "proposal_generator.rpn_head.anchor_deltas.bias"),
        ("roi_heads.box_head.fc7.weight", "roi_heads.box_head.fc2.weight"),
        ("roi_heads.mask_predictor.conv5_mask.bias", "roi_heads.mask_head.deconv.bias"),
        ("roi_heads.keypoint_head.14.weight", "roi_heads.keypoint_head.conv_fcn8.weight"),
        ("head.regression_head.bbox_ctrness.bias", "head.ctrness.bias"),
        ("something.else.weight", "something.else.weight"),
        ("epoch", "epoch"),
    ],
)
def test_a_weight_gets_the_name_of_detectron2(key, expected):
    assert DetectorNames([*BODY, key]).rename(key) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            [f"backbone.fpn.layer_blocks.{index}.0.weight" for index in range(4)],
            [f"backbone.fpn_output{level}.weight" for level in (2, 3, 4, 5)],
        ),
        (
            [f"backbone.fpn.inner_blocks.{index}.0.bias" for index in range(3)],
            [f"backbone.fpn_lateral{level}.bias" for level in (3, 4, 5)],
        ),
        (
            [f"backbone.fpn.inner_blocks.{index}.1.weight" for index in range(4)],
            [f"backbone.fpn_lateral{level}.norm.weight" for level in (2, 3, 4, 5)],
        ),
        (["rpn.head.conv.0.0.weight"], ["proposal_generator.rpn_head.conv.weight"]),
        (
            ["rpn.head.conv.0.0.weight", "rpn.head.conv.1.0.weight"],
            [f"proposal_generator.rpn_head.conv.conv{index}.weight" for index in range(2)],
        ),
        (
            ["roi_heads.box_head.0.0.weight", "roi_heads.box_head.0.1.bias"],
            ["roi_heads.box_head.conv1.weight", "roi_heads.box_head.conv1.norm.bias"],
        ),
        (
            ["roi_heads.box_head.5.weight", "roi_heads.box_head.7.weight"],
            ["roi_heads.box_head.fc1.weight", "roi_heads.box_head.fc2.weight"],
        ),
        (
            [f"head.classification_head.conv.{index}.0.weight" for index in range(4)],
            [f"head.cls_subnet.{index}.weight" for index in (0, 2, 4, 6)],
        ),
        (
            [f"head.regression_head.conv.{i}.{j}.weight" for i in range(2) for j in range(2)],
            [f"head.bbox_subnet.{index}.weight" for index in (0, 1, 3, 4)],
        ),
    ],
)
def test_names_depend_on_what_else_a_file_has(keys, expected):
    others = [f"backbone.fpn.inner_blocks.{index}.0.weight" for index in range(4)]
    names = DetectorNames(keys if "backbone.fpn" in keys[0] else [*others, *keys])
    if keys[0].startswith("backbone.fpn.layer"):
        names = DetectorNames([*others, *keys])
    assert [names.rename(key) for key in keys] == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("backbone.fpn.inner_blocks.0.weight", "backbone.fpn.inner_blocks.0.0.weight"),
        ("rpn.head.conv.bias", "rpn.head.conv.0.0.bias"),
        ("roi_heads.mask_head.mask_fcn2.weight", "roi_heads.mask_head.1.0.weight"),
        ("head.classification_head.conv.2.weight", "head.classification_head.conv.1.0.weight"),
    ],
)
def test_files_of_old_versions_are_known(old, new):
    assert DetectorNames([old]).rename(old) == DetectorNames([new]).rename(new)


def test_the_background_moves_last_and_loses_its_boxes_and_masks():
    rows = torch.arange(12.0)
    renamed = TorchvisionMapping().rename(
        {
            "roi_heads.box_predictor.cls_score.bias": rows[:3],
            "roi_heads.box_predictor.bbox_pred.bias": rows,
            "roi_heads.mask_predictor.mask_fcn_logits.bias": rows[:3],
            "head.classification_head.cls_logits.bias": rows,
        }
    )
    assert renamed["roi_heads.box_predictor.cls_score.bias"].tolist() == [1.0, 2.0, 0.0]
    assert renamed["roi_heads.box_predictor.bbox_pred.bias"].tolist() == list(range(4, 12))
    assert renamed["roi_heads.mask_head.predictor.bias"].tolist() == [1.0, 2.0]
    assert torch.equal(renamed["head.cls_score.bias"], rows)


def test_convolutions_before_a_normalisation_get_a_bias_of_zero():
    renamed = TorchvisionMapping().rename(
        {
            "head.classification_head.conv.0.0.weight": torch.ones(2, 3, 3, 3),
            "head.classification_head.conv.0.1.weight": torch.ones(2),
            "head.classification_head.conv.0.1.bias": torch.ones(2),
        }
    )
    assert renamed["head.cls_subnet.0.bias"].tolist() == [0.0, 0.0]
    assert renamed["head.cls_subnet.1.bias"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("keys", "family"),
    [
        (BODY, "torchvision"),
        (["backbone.body.conv1.weight"], None),
        (["backbone.bottom_up.stem.conv1.weight", "backbone.fpn_lateral2.weight"], None),
        (["conv1.weight", "layer1.0.conv1.weight"], None),
    ],
)
def test_detectors_on_a_pyramid_are_recognised(keys, family):
    found, notes = recognise_keys(keys)
    assert [one.name for one in found] == ([family] if family else [])
    assert notes == ()
