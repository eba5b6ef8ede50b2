"""What a spec says follows from the configuration, and every key is accounted for."""

import pytest

from composer import SpecError, import_config, load_spec
from composer.construction import check_source
from composer.importing import read_import
from composer.importing.config import default_values
from unit.importing.keys import CASCADE, PYRAMID, RETINANET


def test_defaults_are_a_faster_rcnn_on_res4(config):
    assert import_config(config({})) == {
        "composer": 1,
        "name": "my_model",
        "doc": "GeneralizedRCNN of detectron2's configuration my-model.yaml.",
        "extends": "detection-composer/faster_rcnn_r50_c4",
    }


@pytest.mark.parametrize(
    ("keys", "base", "block"),
    [
        ({}, "faster_rcnn_r50_fpn", None),
        ({"MODEL.MASK_ON": True}, "mask_rcnn_r50_fpn", None),
        ({"MODEL.KEYPOINT_ON": True}, "keypoint_rcnn_r50_fpn", None),
        (
            {"MODEL.MASK_ON": True, "MODEL.KEYPOINT_ON": True},
            "mask_rcnn_r50_fpn",
            "detection-composer/blocks/mask_keypoint_roi_heads",
        ),
        (
            {"MODEL.MASK_ON": True, "MODEL.META_ARCHITECTURE": "PanopticFPN"},
            "panoptic_r50_fpn",
            None,
        ),
        ({"MODEL.META_ARCHITECTURE": "ProposalNetwork"}, "rpn_r50_fpn", None),
        ({"MODEL.META_ARCHITECTURE": "SemanticSegmentor"}, "semantic_r50_fpn", None),
        (
            {"MODEL.PROPOSAL_GENERATOR.NAME": "PrecomputedProposals"},
            "fast_rcnn_r50_fpn",
            None,
        ),
        (CASCADE, "cascade_rcnn_r50_fpn", None),
        ({**CASCADE, "MODEL.MASK_ON": True}, "cascade_mask_rcnn_r50_fpn", None),
    ],
)
def test_the_nearest_spec_is_extended(config, keys, base, block):
    document = import_config(config({**PYRAMID, **keys}))
    assert document["extends"] == f"detection-composer/{base}"
    assert document.get("nodes", {}).get("roi_heads", {}).get("spec") == block
    load_spec(document)


def test_what_differs_is_set_where_the_spec_takes_it(config):
    keys = {
        "MODEL.RESNETS.DEPTH": 101,
        "MODEL.RPN.NMS_THRESH": 0.8,
        "MODEL.FPN.FUSE_TYPE": "avg",
        "INPUT.FORMAT": "RGB",
        "INPUT.MIN_SIZE_TEST": 600,
    }
    document = import_config(config({**PYRAMID, **keys}))
    assert document["set"] == {
        "backbone.bottom_up.depth": 101,
        "backbone.fpn.fuse_type": "avg",
        "proposal_generator.proposals.nms_threshold": 0.8,
    }
    assert "nodes" not in document
    assert document["inputs"] == {
        "batch": {"image": {"channel_order": "RGB", "shortest_edge": 600}}
    }
    load_spec(document)


def test_training_on_predicted_boxes_is_a_node(config):
    keys = {**PYRAMID, "MODEL.MASK_ON": True, "MODEL.ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES": True}
    document = import_config(config(keys))
    load_spec(document)
    nodes = document["nodes"]["roi_heads"]["nodes"]
    assert nodes["predicted"]["uses"] == "detection-composer/predicted_boxes"
    assert nodes["foreground"] == {"inputs": {"boxes": "predicted"}}


@pytest.mark.parametrize("base", [PYRAMID, CASCADE], ids=["standard", "cascade"])
def test_the_federated_loss_has_its_weights_where_detectron2_has_them(config, base):
    keys = {
        "MODEL.ROI_BOX_HEAD.USE_FED_LOSS": True,
        "MODEL.ROI_BOX_HEAD.USE_SIGMOID_CE": True,
        "MODEL.ROI_BOX_HEAD.FED_LOSS_FREQ_WEIGHT_POWER": 0.4,
        "MODEL.ROI_HEADS.NUM_CLASSES": 7,
    }
    blueprint = check_source(import_config(config({**base, **keys})))
    stages = [".0", ".1", ".2"] if base is CASCADE else [""]
    predictors = [
        n
        for n in blueprint.nodes.values()
        if n.uses == "detection-composer/federated_box_predictor"
    ]
    namespaces = [n.namespace for n in predictors]
    assert namespaces == [f"roi_heads.box_predictor{stage}" for stage in stages]
    assert {n.config["fed_loss_freq_weight_power"] for n in predictors} == {0.4}
    losses = [n for n in blueprint.nodes.values() if n.uses.endswith("class_loss")]
    assert losses
    assert all("class_weights" in n.arguments["training"] for n in losses)


def test_box_regression_and_masks_of_a_panoptic_model_can_weigh_less(config):
    keys = {
        **PYRAMID,
        "MODEL.META_ARCHITECTURE": "PanopticFPN",
        "MODEL.MASK_ON": True,
        "MODEL.PANOPTIC_FPN.INSTANCE_LOSS_WEIGHT": 0.5,
        "MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_WEIGHT": 10.0,
    }
    assert import_config(config(keys))["set"] == {
        "sem_seg_loss.loss_weight": 1.0,
        "roi_heads.box_loss.bbox_reg_loss_weight": 5.0,
        "roi_heads.mask_loss.loss_weight": 0.5,
    }


def test_settings_of_one_node_stand_together_and_those_of_params_by_themselves(config):
    keys = {
        "MODEL.RESNETS.DEPTH": 101,
        "MODEL.RESNETS.STRIDE_IN_1X1": False,
        "MODEL.ROI_HEADS.NUM_CLASSES": 3,
        "MODEL.ROI_BOX_HEAD.FC_DIM": 64,
    }
    document = import_config(config({**PYRAMID, **keys}))
    assert document["params"] == {"num_classes": 3}
    assert document["set"] == {
        "backbone.bottom_up": {"depth": 101, "stride_in_1x1": False},
        "roi_heads.fc_dim": 64,
    }


def test_what_is_set_for_a_cascade_is_set_for_each_stage(config):
    document = import_config(config({**CASCADE, "MODEL.ROI_BOX_HEAD.NORM": "GN"}))
    assert document["set"] == {"roi_heads.stage*.box_head.norm": "GN"}


def test_short_names_and_settings_of_what_is_left_out_go_too(config):
    keys = {**CASCADE, "MODEL.PROPOSAL_GENERATOR.NAME": "PrecomputedProposals"}
    document = import_config(config(keys))
    aliases = check_source(document).spec.resolved.aliases
    assert not [name for name in aliases if name.startswith("rpn_")]
    assert "set" not in document
    assert not check_source(document).spec.document["nodes"]["proposal_generator"].get("with")


@pytest.mark.parametrize(
    ("keys", "beta"), [({}, 0.1), ({"MODEL.RETINANET.SMOOTH_L1_LOSS_BETA": 0.0}, 0.0)]
)
def test_dense_losses_have_the_beta_of_detectron2_even_where_it_is_left_out(config, keys, beta):
    path = config({**PYRAMID, **RETINANET, **keys})
    assert check_source(import_config(path)).nodes["losses"].config["smooth_l1_beta"] == beta


def test_a_panoptic_model_without_masks_combines_nothing(config):
    keys = {**PYRAMID, "MODEL.META_ARCHITECTURE": "PanopticFPN"}
    made = read_import(config(keys))
    assert made.document["nodes"]["panoptic"] is None
    assert list(load_spec(made.document).graph.outputs) == ["losses", "instances", "sem_seg"]


def test_a_panoptic_model_can_be_given_its_proposals(config):
    keys = {
        **PYRAMID,
        "MODEL.META_ARCHITECTURE": "PanopticFPN",
        "MODEL.MASK_ON": True,
        "MODEL.PROPOSAL_GENERATOR.NAME": "PrecomputedProposals",
    }
    document = import_config(config(keys))
    assert document["outputs"] == {"training": {"losses": ["sem_seg_loss", "roi_heads.losses"]}}
    assert "proposal_generator" in load_spec(document).graph.nodes


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("RetinaNet", {"MODEL.RETINANET.IN_FEATURES": ["res4"]}),
        ("SemanticSegmentor", {"MODEL.SEM_SEG_HEAD.IN_FEATURES": ["res4"]}),
        ("PanopticFPN", {"MODEL.SEM_SEG_HEAD.IN_FEATURES": ["res4"]}),
        ("GeneralizedRCNN", {"MODEL.PROPOSAL_GENERATOR.NAME": "PrecomputedProposals"}),
    ],
)
def test_any_model_stands_on_the_network_itself(config, model, keys):
    on_res4 = {"MODEL.BACKBONE.NAME": "build_resnet_backbone", "MODEL.META_ARCHITECTURE": model}
    made = import_config(config({**on_res4, **keys}))
    uses = load_spec(made).graph.nodes["backbone"].uses
    assert uses.removeprefix("detection-composer/") == "resnet"
    assert check_source(made).nodes["preprocess"].config["size_divisibility"] == 0


def test_a_checkpoint_that_is_there_is_named(config, write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("", "model_final.pth")
    path = config({"MODEL.WEIGHTS": "model_final.pth"})
    assert import_config(path)["weights"] == "model_final.pth"
    for other in ("other.pth", "detectron2://R-50.pkl"):
        made = read_import(config({"MODEL.WEIGHTS": other}))
        assert "weights" not in made.document
        assert "--weights" in made.account.not_carried_over["MODEL.WEIGHTS"]


def test_what_the_federated_loss_needs_is_said(config):
    keys = {"MODEL.ROI_BOX_HEAD.USE_FED_LOSS": True, "MODEL.ROI_BOX_HEAD.USE_SIGMOID_CE": True}
    made = read_import(config({**PYRAMID, **keys}))
    assert "image_counts in metadata" in made.account.wanted["MODEL.ROI_BOX_HEAD.USE_FED_LOSS"]
    assert "# Still to be added:\n#   MODEL.ROI_BOX_HEAD.USE_FED_LOSS" in made.to_yaml()


def test_a_negative_number_of_detections_means_all(config):
    document = import_config(config({**PYRAMID, "TEST.DETECTIONS_PER_IMAGE": -1}))
    assert document["set"]["roi_heads.detections.max_per_image"] > 1_000_000


def test_norms_of_another_name_are_the_same(config):
    document = import_config(config({**PYRAMID, "MODEL.FPN.NORM": "nnSyncBN"}))
    assert document["set"] == {"backbone.fpn.norm": "SyncBN"}


def test_the_text_is_the_spec_and_lists_what_is_left(config, tmp_path):
    made = read_import(config({**CASCADE, "MODEL.MASK_ON": True, "SOLVER.BASE_LR": 0.5}))
    text = made.to_yaml()
    (tmp_path / "spec.yaml").write_text(text)
    read = load_spec(tmp_path / "spec.yaml")
    assert (read.name, read.params) == ("my_model", load_spec(made.document).params)
    assert "#   SOLVER.BASE_LR = 0.5 (how the optimizer learns)" in text


@pytest.mark.parametrize("keys", [{}, PYRAMID, CASCADE, {**PYRAMID, "SEED": 3}])
def test_every_key_is_in_exactly_one_place(config, keys):
    account = read_import(config(keys)).account
    places = [*account.used, *account.default, *account.not_carried_over]
    assert sorted(places) == sorted(default_values())
    differs = {key for key in keys if keys[key] != default_values()[key]}
    assert differs <= set(account.used) | set(account.not_carried_over)


@pytest.mark.parametrize("key", sorted(key for key in default_values() if "MODEL." in key))
def test_another_value_of_a_key_of_the_model_is_never_dropped_silently(config, key):
    value = default_values()[key]
    other = {bool: True, int: 3, float: 0.125, str: "other", list: [value]}[type(value)]
    if other == value:
        other = False
    path = config({**PYRAMID, "MODEL.MASK_ON": True, key: other})
    assert key in named_keys(path) or key.rpartition(".")[0] in named_keys(path)


def named_keys(path):
    """What an import speaks of: the keys that it carries or lists, or the text of its problems."""
    try:
        account = read_import(path).account
    except SpecError as error:
        return str(error)
    return " ".join([*account.used, *account.not_carried_over])
