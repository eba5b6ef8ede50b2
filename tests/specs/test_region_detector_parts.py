"""A model of the R-CNN family that differs in one part is a spec that differs in one part."""

import pytest
import torch

from specs.region_detectors import build, labelled, record

BATCH = [labelled([8.0, 8.0, 40.0, 44.0]), labelled(size=(40, 60))]


def train(graph):
    """The losses of a step, after a look at the gradients."""
    losses = graph.train()(BATCH)
    sum(losses.values()).backward()
    gradients = [weight.grad for weight in graph.parameters() if weight.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    return losses


def shape_of(graph, name):
    return tuple(graph.state_dict()[name].shape)


def test_masks_can_be_learnt_on_predicted_boxes():
    predicted = {
        "uses": "predicted_boxes",
        "when": "training",
        "inputs": {
            "boxes": "sampled.boxes",
            "classes": "sampled.classes",
            "box_deltas": "box_predictor.box_deltas",
        },
        "with": {"num_classes": 3},
    }
    changes = {"predicted": predicted, "foreground": {"inputs": {"boxes": "predicted"}}}
    graph = build("mask_rcnn_r50_fpn", {"roi_heads": {"nodes": changes}}).train()
    values = graph.run(BATCH, until=["sampled.boxes", "predicted", "foreground.boxes"], seed=0)
    assert not torch.equal(values["predicted"][0].tensor, values["sampled.boxes"][0].tensor)
    rows = {tuple(row) for row in values["predicted"][0].tensor.tolist()}
    assert {tuple(row) for row in values["foreground.boxes"][0].tensor.tolist()} <= rows
    assert "loss_mask" in train(graph)


def test_classes_can_share_boxes_and_masks():
    graph = build("mask_rcnn_r50_fpn", cls_agnostic_bbox_reg=True, cls_agnostic_mask=True)
    assert shape_of(graph, "roi_heads.box_predictor.bbox_pred.weight") == (4, 16)
    assert shape_of(graph, "roi_heads.mask_head.predictor.weight") == (1, 8, 1, 1)
    train(graph)
    (result,) = graph.eval().requires_grad_(False)([record(64, 96)])
    assert result["instances"].pred_masks.shape[1:] == (64, 96)


def test_an_rpn_can_have_several_convolutions():
    graph = build("rpn_r50_fpn", conv_dims=[-1, 16])
    assert shape_of(graph, "proposal_generator.rpn_head.conv.conv0.weight") == (8, 8, 3, 3)
    assert shape_of(graph, "proposal_generator.rpn_head.conv.conv1.weight") == (16, 8, 3, 3)
    assert shape_of(graph, "proposal_generator.rpn_head.anchor_deltas.weight") == (12, 16, 1, 1)
    train(graph)


def test_an_rpn_can_work_on_some_levels():
    levels = {"proposal_generator.in_features": ["p3", "p4"]}
    graph = build("rpn_r50_fpn", sizes=[[64], [128]], **levels)
    anchors = graph.run([record(64, 64)], until="anchors")
    assert [len(level) for level in anchors] == [8 * 8 * 3, 4 * 4 * 3]


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_boxes_can_be_compared_by_their_overlap(kind):
    losses = train(build("faster_rcnn_r50_fpn", **{"*.*_loss*.bbox_reg_loss_type": kind}))
    assert losses["loss_box_reg"].item() > 0
    assert losses["loss_rpn_loc"].item() > 0


@pytest.mark.parametrize("federated", [False, True])
def test_each_class_can_be_judged_by_itself(federated):
    options = {"use_sigmoid_ce": True, "use_fed_loss": federated}
    if federated:
        options["fed_loss_class_counts"] = [9.0, 1.0, 0.0]
    graph = build("mask_rcnn_r50_fpn_lvis", **options)
    assert train(graph)["loss_cls"].item() > 0
    (result,) = graph.eval().requires_grad_(False)([record(64, 96)])
    assert 0 < len(result["instances"]) <= 300


def test_masks_and_keypoints_go_together():
    nodes = {
        "roi_heads": {
            "spec": "blocks/mask_keypoint_roi_heads.yaml",
            "params": {
                "num_classes": 3,
                "num_keypoints": 2,
                "fc_dim": 16,
                "mask_conv_dim": 8,
                "keypoint_conv_dim": 8,
            },
        }
    }
    graph = build("mask_rcnn_r50_fpn", nodes)
    assert {"loss_mask", "loss_keypoint"} <= train(graph).keys()
    (result,) = graph.eval().requires_grad_(False)([record(64, 96)])
    assert result["instances"].has("pred_masks")
    assert result["instances"].has("pred_keypoints")


def test_boxes_and_masks_share_the_last_stage_of_a_c4_network():
    graph = build("mask_rcnn_r50_c4")
    assert "roi_heads.mask_res5" not in dict(graph.named_modules())
    before = graph.run([record(64, 96)], until="mask_res5")
    assert before.shape[1:] == (64, 7, 7)
    train(graph)
    assert graph.get_submodule("roi_heads.res5").get_parameter("0.conv1.weight").grad is not None


def test_every_stage_of_a_cascade_has_heads_of_its_own():
    names = build("cascade_rcnn_r50_fpn").state_dict()
    for part in ("box_head.{}.fc1", "box_head.{}.fc2", "box_predictor.{}.cls_score"):
        assert all(f"roi_heads.{part.format(stage)}.weight" in names for stage in range(3))
    assert not [name for name in names if "stage" in name]


def test_group_normalisation_is_everywhere_but_in_the_rpn():
    names = build("mask_rcnn_r50_fpn_gn").state_dict()
    convolutions = {name.removesuffix(".weight") for name, w in names.items() if w.ndim == 4}
    plain = {name for name in convolutions if f"{name}.norm.weight" not in names}
    without = ("proposal_generator", "roi_heads.mask_head.deconv", "roi_heads.mask_head.predictor")
    assert all(name.startswith(without) for name in plain)
    assert not [name for name in names if "running" in name]


@pytest.mark.parametrize(("depth", "blocks"), [(18, 2), (34, 6), (50, 6), (101, 23), (152, 36)])
def test_backbones_have_any_depth(depth, blocks):
    graph = build("rpn_r50_c4", depth=depth)
    res4 = {name.split(".")[2] for name in graph.state_dict() if ".res4." in name}
    assert len(res4) == blocks


def test_params_that_do_not_go_together_are_found_when_the_spec_loads():
    with pytest.raises(Exception, match="use_fed_loss needs use_sigmoid_ce"):
        build("mask_rcnn_r50_fpn_lvis", use_fed_loss=True)


def test_a_pyramid_can_stand_on_some_levels_and_average():
    levels = {"out_features": ["res3", "res4", "res5"], "fuse_type": "avg"}
    graph = build("rpn_r50_fpn", sizes=[[64], [128], [256], [512]], **levels)
    features = graph.run([record(64, 64)], until="backbone")
    assert list(features) == ["p3", "p4", "p5", "p6"]
