"""What cannot be expressed is an error that names the key and its value."""

import pytest

from composer import SpecError, import_config
from unit.importing.keys import CASCADE, PYRAMID


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"MODEL.RESNET.DEPTH": 50}, "detectron2 has no key 'MODEL.RESNET.DEPTH'"),
        ({"MODEL.RESNETS.DEPHT": 50}, "Did you mean 'MODEL.RESNETS.DEPTH'?"),
        ({"MODEL.RESNETS.DEPTH": "deep"}, "MODEL.RESNETS.DEPTH = 'deep': a whole number was"),
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
            "[30.0, 30.0, 15.0, 15.0]]: there are 2 stages",
        ),
        (
            {**CASCADE, "MODEL.ROI_BOX_CASCADE_HEAD.IOUS": [0.4, 0.6, 0.7]},
            "the first is MODEL.ROI_HEADS.IOU_THRESHOLDS",
        ),
        ({"MODEL.RESNETS.DEPTH": 51}, "MODEL.RESNETS.DEPTH = 51: only 18 or 34 or 50"),
        ({"MODEL.RESNETS.DEPTH": 18}, "MODEL.RESNETS.RES2_OUT_CHANNELS = 256: a ResNet-18 or -34"),
        ({"MODEL.RESNETS.OUT_FEATURES": ["stem"]}, "there is no level 'stem'; there are res2"),
        ({"MODEL.RESNETS.OUT_FEATURES": []}, "MODEL.RESNETS.OUT_FEATURES = []: no level is named"),
        (
            {"MODEL.RESNETS.DEFORM_ON_PER_STAGE": [False, False, False, True]},
            "regions' res5 is never deformable",
        ),
        ({"MODEL.RESNETS.DEFORM_ON_PER_STAGE": [True]}, "there are four stages, res2 to res5"),
        ({**PYRAMID, "MODEL.RESNETS.RES5_DILATION": 2}, "a pyramid's levels differ in resolution"),
        (
            {**PYRAMID, "MODEL.FPN.IN_FEATURES": ["res3", "res5"]},
            "each level has half the resolution of the one before it",
        ),
        ({**PYRAMID, "MODEL.FPN.FUSE_TYPE": "max"}, "only 'sum' or 'avg' can be expressed"),
        (
            {**PYRAMID, "MODEL.ROI_HEADS.IN_FEATURES": ["p2", "p7"]},
            "there is no level 'p7'; there are p2, p3, p4, p5, p6",
        ),
        (
            {**PYRAMID, "MODEL.ANCHOR_GENERATOR.SIZES": [[32], [64]]},
            "there are 5 levels (p2, p3, p4, p5, p6): one list for each, or one for all",
        ),
        (
            {
                "MODEL.RESNETS.OUT_FEATURES": ["res3", "res4"],
                "MODEL.RPN.IN_FEATURES": ["res3", "res4"],
            },
            "MODEL.RPN.IN_FEATURES = ['res3', 'res4']: levels of a residual network differ",
        ),
        ({"MODEL.ROI_HEADS.IN_FEATURES": ["res4", "res4"]}, "Res5ROIHeads look at one level"),
        ({**PYRAMID, "MODEL.ROI_BOX_HEAD.NUM_FC": 0}, "the head has no layer"),
        ({**PYRAMID, "MODEL.ROI_BOX_HEAD.POOLER_TYPE": "ROIWarp"}, "only 'ROIAlignV2' or"),
        (
            {**PYRAMID, "MODEL.ROI_BOX_HEAD.USE_FED_LOSS": True},
            "the federated loss judges each class by itself",
        ),
        ({"MODEL.RPN.IOU_THRESHOLDS": [0.7, 0.3]}, "thresholds ascend"),
        (
            {"MODEL.ROI_HEADS.IOU_LABELS": [0, -1, 1]},
            "MODEL.ROI_HEADS.IOU_LABELS = [0, -1, 1]: 2 were expected",
        ),
        ({"MODEL.ROI_HEADS.IOU_LABELS": [0, 2]}, "a label is 1, 0 or -1"),
        (
            {"MODEL.RPN.BBOX_REG_WEIGHTS": [1.0, 1.0, 1.0, 1.0, 1.0]},
            "a box has 4 offsets, and a weight for each",
        ),
        (
            {**CASCADE, "MODEL.ROI_BOX_CASCADE_HEAD.BBOX_REG_WEIGHTS": [[1.0]] * 3},
            "a box has 4 offsets, and a weight for each",
        ),
        ({"MODEL.PIXEL_STD": [1.0]}, "MODEL.PIXEL_MEAN has another number of channels"),
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
