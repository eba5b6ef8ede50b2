"""The classes of known datasets have their names in an imported spec."""

import pytest

from composer import import_config, load_spec
from unit.importing.keys import PYRAMID

PANOPTIC = {**PYRAMID, "MODEL.MASK_ON": True, "MODEL.META_ARCHITECTURE": "PanopticFPN"}


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"DATASETS.TEST": ["coco_2017_val"]}, "coco"),
        ({"DATASETS.TRAIN": ["coco_2014_train", "coco_2014_valminusminival"]}, "coco"),
        ({"DATASETS.TEST": ["voc_2007_test"], "MODEL.ROI_HEADS.NUM_CLASSES": 20}, "pascal_voc"),
        (
            {
                "DATASETS.TEST": ["cityscapes_fine_instance_seg_val"],
                "MODEL.ROI_HEADS.NUM_CLASSES": 8,
            },
            "cityscapes",
        ),
        (
            {
                "DATASETS.TEST": ["keypoints_coco_2017_val"],
                "MODEL.ROI_HEADS.NUM_CLASSES": 1,
                "MODEL.KEYPOINT_ON": True,
            },
            "coco_keypoint",
        ),
        ({**PANOPTIC, "DATASETS.TEST": ["coco_2017_val_panoptic_separated"]}, "coco_panoptic"),
    ],
)
def test_known_datasets_give_names(config, keys, names):
    document = import_config(config({**PYRAMID, **keys}))
    assert document["extends"][1] == f"detection-composer/blocks/{names}_names"
    expected = load_spec(f"blocks/{names}_names").metadata
    assert load_spec(document).metadata == expected != load_spec("rpn_r50_fpn").metadata


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"DATASETS.TEST": ["my_balloons"]},
        {"DATASETS.TEST": ["coco_2017_val"], "MODEL.ROI_HEADS.NUM_CLASSES": 3},
        {**PANOPTIC, "DATASETS.TEST": ["coco_2017_val"]},
    ],
)
def test_unknown_ones_and_other_numbers_of_classes_give_none(config, keys):
    document = import_config(config({**PYRAMID, **keys}))
    assert isinstance(document["extends"], str)
