"""What a spec says follows from the configuration, and every key is accounted for."""

import pytest
import yaml

from composer import SpecError, import_config, load_spec
from composer.importing import read_import
from composer.importing.config import default_values

PYRAMID = {
    "MODEL.BACKBONE.NAME": "build_resnet_fpn_backbone",
    "MODEL.RESNETS.OUT_FEATURES": ["res2", "res3", "res4", "res5"],
    "MODEL.FPN.IN_FEATURES": ["res2", "res3", "res4", "res5"],
    "MODEL.ANCHOR_GENERATOR.SIZES": [[32], [64], [128], [256], [512]],
    "MODEL.RPN.IN_FEATURES": ["p2", "p3", "p4", "p5", "p6"],
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN": 2000,
    "MODEL.RPN.PRE_NMS_TOPK_TEST": 1000,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 1000,
    "MODEL.ROI_HEADS.NAME": "StandardROIHeads",
    "MODEL.ROI_HEADS.IN_FEATURES": ["p2", "p3", "p4", "p5"],
    "MODEL.ROI_BOX_HEAD.NAME": "FastRCNNConvFCHead",
    "MODEL.ROI_BOX_HEAD.NUM_FC": 2,
    "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION": 7,
    "MODEL.ROI_MASK_HEAD.NUM_CONV": 4,
}
CASCADE = {
    **PYRAMID,
    "MODEL.ROI_HEADS.NAME": "CascadeROIHeads",
    "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": True,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 2000,
}


@pytest.fixture
def config(write):
    """Writes a configuration of dotted keys."""

    def write_config(keys, **more):
        document = {}
        for key, value in {**keys, **more}.items():
            *sections, name = key.split(".")
            inner = document
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[name] = value
        return write(yaml.safe_dump(document), "my-model.yaml")

    return write_config


def test_defaults_are_a_faster_rcnn_on_res4(config):
    assert import_config(config({})) == {
        "composer": 1,
        "name": "my_model",
        "doc": "GeneralizedRCNN of detectron2's configuration my-model.yaml.",
        "extends": "faster_rcnn_r50_c4",
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
            "blocks/mask_keypoint_roi_heads.yaml",
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
    assert document["extends"] == base
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
    assert document["params"] == {"depth": 101}
    assert document["nodes"] == {
        "backbone": {"params": {"fpn_fuse_type": "avg"}},
        "proposal_generator": {"params": {"nms_threshold": 0.8}},
    }
    assert document["inputs"] == {
        "batch": {"image": {"channel_order": "RGB", "shortest_edge": 600}}
    }
    load_spec(document)


def test_training_on_predicted_boxes_is_a_node(config):
    keys = {**PYRAMID, "MODEL.MASK_ON": True, "MODEL.ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES": True}
    nodes = import_config(config(keys))["nodes"]["roi_heads"]["nodes"]
    assert nodes["predicted"]["uses"] == "predicted_boxes"
    assert nodes["foreground"] == {"inputs": {"boxes": "predicted"}}


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


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"MODEL.RESNET.DEPTH": 50}, "detectron2 has no key 'MODEL.RESNET.DEPTH'"),
        ({"MODEL.RESNETS.DEPHT": 50}, "Did you mean 'MODEL.RESNETS.DEPTH'?"),
        ({"MODEL.RESNETS.DEPTH": "deep"}, "MODEL.RESNETS.DEPTH = 'deep': a value like 50"),
        ({"VERSION": 1}, "VERSION = 1: configurations of version 2 are read"),
        ({"MODEL.META_ARCHITECTURE": "MyRCNN"}, "MODEL.META_ARCHITECTURE = 'MyRCNN': only"),
        ({"MODEL.RESNETS.NORM": "XN"}, "MODEL.RESNETS.NORM = 'XN': only"),
        ({"MODEL.KEYPOINT_ON": True}, "MODEL.ROI_HEADS.NAME = 'Res5ROIHeads': these have no parts"),
        ({"INPUT.FORMAT": "L"}, "INPUT.FORMAT = 'L': only 'BGR' or 'RGB' can be expressed"),
        (
            {**CASCADE, "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": False},
            "in a cascade, classes share their boxes",
        ),
        (
            {**CASCADE, "MODEL.ROI_BOX_CASCADE_HEAD.IOUS": [0.5, 0.6]},
            "MODEL.ROI_BOX_CASCADE_HEAD.IOUS = [0.5, 0.6]: a cascade has 3 stages here",
        ),
    ],
)
def test_what_cannot_be_expressed_is_an_error_that_names_the_key(config, keys, message):
    with pytest.raises(SpecError) as caught:
        import_config(config(keys))
    assert message in " ".join(str(caught.value).split())


def test_all_problems_are_reported_at_once(config):
    keys = {"INPUT.FORMAT": "L", "MODEL.RESNETS.NORM": "XN"}
    with pytest.raises(SpecError) as caught:
        import_config(config(keys))
    assert len(caught.value.problems) == 2
