"""PointRend's heads become nodes, and their subdivisions as many nodes as there are steps."""

import pytest

from composer import SpecError, import_config
from composer.construction import check_source
from composer.importing import read_import
from composer.importing.config import default_values
from unit.importing.keys import CASCADE, POINT_MASKS, POINT_PIXELS

POINTS = "MODEL.POINT_HEAD"


def check(path):
    return check_source(import_config(path))


def subdivisions(blueprint):
    paths = [path.split(".") for path in blueprint.nodes]
    return sorted({part for path in paths for part in path if part.startswith("subdivision")})


def test_masks_of_points_are_a_block_of_region_heads(config):
    document = import_config(config(POINT_MASKS))
    heads = document["nodes"]["roi_heads"]
    assert heads["spec"] == "detection-composer/blocks/point_rend_roi_heads"
    blueprint = check_source(document)
    assert subdivisions(blueprint) == ["subdivision0", "subdivision1", "subdivision2"]
    assert blueprint.nodes["roi_heads.mask_head.grid"].config["side"] == 28
    assert "roi_heads.predicted" in blueprint.nodes


def test_masks_may_be_trained_on_the_sampled_boxes(config):
    keys = {**POINT_MASKS, "MODEL.ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES": False}
    assert "roi_heads.predicted" not in check(config(keys)).nodes


@pytest.mark.parametrize("has_keypoints", [False, True])
@pytest.mark.parametrize("heads", [{}, CASCADE])
def test_masks_of_points_go_with_cascades_and_keypoints(config, heads, has_keypoints):
    keys = {**POINT_MASKS, **heads, "MODEL.KEYPOINT_ON": has_keypoints}
    document = import_config(config(keys))
    kind = "cascade_" * bool(heads) + "point_rend_" + "keypoint_" * has_keypoints
    block = document["nodes"]["roi_heads"]["spec"]
    assert block == f"detection-composer/blocks/{kind}roi_heads"
    blueprint = check_source(document)
    assert subdivisions(blueprint) == ["subdivision0", "subdivision1", "subdivision2"]
    losses = ["mask_loss", "point_loss", *["keypoint_loss"] * has_keypoints]
    assert {f"roi_heads.{loss}" for loss in losses} <= blueprint.nodes.keys()


def test_panoptic_models_may_have_masks_of_points(config):
    keys = {**POINT_MASKS, "MODEL.META_ARCHITECTURE": "PanopticFPN"}
    document = import_config(config(keys))
    assert document["extends"] == "detection-composer/panoptic_r50_fpn"
    assert "roi_heads.point_loss" in check_source(document).nodes


def test_semantic_segmentation_of_points_extends_the_spec_that_has_it(config):
    document = import_config(config(POINT_PIXELS))
    assert document["extends"] == "detection-composer/point_rend_semantic_r101_fpn"
    blueprint = check_source(document)
    assert subdivisions(blueprint) == ["subdivision0", "subdivision1"]
    assert blueprint.nodes["sem_seg_head.point_head"].config["num_classes"] == 54


@pytest.mark.parametrize("has_masks", [True, False])
def test_panoptic_models_may_have_pixels_of_points(config, has_masks):
    keys = {**POINT_PIXELS, "MODEL.META_ARCHITECTURE": "PanopticFPN", "MODEL.MASK_ON": has_masks}
    document = import_config(config(keys))
    assert document["extends"] == "detection-composer/point_rend_panoptic_r50_fpn"
    blueprint = check_source(document)
    assert subdivisions(blueprint) == ["subdivision0", "subdivision1"]
    assert "point_loss" in blueprint.nodes
    assert ("panoptic" in blueprint.nodes) is has_masks


def test_masks_and_pixels_of_points_go_together_where_their_classes_are_as_many(config):
    masks = {**POINT_MASKS, "MODEL.ROI_HEADS.NUM_CLASSES": 54}
    keys = {**masks, **POINT_PIXELS, "MODEL.META_ARCHITECTURE": "PanopticFPN"}
    keys[f"{POINTS}.SUBDIVISION_STEPS"] = 3
    nodes = check(config(keys)).nodes
    assert {"point_loss", "roi_heads.point_loss"} <= nodes.keys()
    assert nodes["sem_seg_head.subdivision2.cells"].config["num_points"] == 8192
    account = read_import(config(keys)).account
    places = [*account.used, *account.default, *account.not_carried_over]
    assert sorted(places) == sorted(default_values())


@pytest.mark.parametrize(
    ("resolution", "steps", "num_points", "side", "count"),
    [
        (7, 5, 784, 28, 3),
        (7, 3, 784, 28, 1),
        (7, 2, 784, 28, 0),
        (7, 5, 100, 7, 5),
        (14, 5, 784, 28, 4),
        (10, 4, 784, 20, 3),
    ],
)
def test_steps_that_predict_every_point_are_left_out(
    config, resolution, steps, num_points, side, count
):
    keys = {
        **POINT_MASKS,
        "MODEL.ROI_MASK_HEAD.OUTPUT_SIDE_RESOLUTION": resolution,
        f"{POINTS}.SUBDIVISION_STEPS": steps,
        f"{POINTS}.SUBDIVISION_NUM_POINTS": num_points,
    }
    blueprint = check(config(keys))
    assert blueprint.nodes["roi_heads.mask_head.grid"].config["side"] == side
    assert len(subdivisions(blueprint)) == count
    plan = blueprint.plan("inference")
    assert sum(path.endswith("cells") for path in plan.paths) == count
    for path in plan.paths:
        if path.endswith("cells"):
            assert blueprint.nodes[path].config["num_points"] == num_points


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_pixels_are_subdivided_as_often_as_is_said(config, steps):
    keys = {**POINT_PIXELS, f"{POINTS}.SUBDIVISION_STEPS": steps}
    plan = check(config(keys)).plan("inference")
    assert sum(path.endswith("cells") for path in plan.paths) == steps


def test_every_option_of_points_reaches_its_node(config):
    keys = {
        **POINT_MASKS,
        f"{POINTS}.FC_DIM": 64,
        f"{POINTS}.NUM_FC": 2,
        f"{POINTS}.IN_FEATURES": ["p2", "p3"],
        f"{POINTS}.TRAIN_NUM_POINTS": 50,
        f"{POINTS}.OVERSAMPLE_RATIO": 5,
        f"{POINTS}.IMPORTANCE_SAMPLE_RATIO": 0.5,
        f"{POINTS}.CLS_AGNOSTIC_MASK": True,
        f"{POINTS}.COARSE_PRED_EACH_LAYER": False,
        "MODEL.ROI_MASK_HEAD.IN_FEATURES": ["p3"],
        "MODEL.ROI_MASK_HEAD.FC_DIM": 128,
        "MODEL.ROI_MASK_HEAD.NUM_FC": 1,
        "MODEL.ROI_MASK_HEAD.CONV_DIM": 32,
        "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": 12,
    }
    nodes = check(config(keys)).nodes
    head = "roi_heads.mask_head"
    assert nodes[f"{head}.points"].config == {
        "num_points": 50,
        "oversample_ratio": 5.0,
        "importance_sample_ratio": 0.5,
    }
    point_head = nodes[f"{head}.point_head"].config
    assert point_head["fc_dims"] == (64, 64)
    assert point_head["cls_agnostic_mask"]
    assert not point_head["coarse_pred_each_layer"]
    assert nodes[f"{head}.point_features"].config["in_features"] == ("p2", "p3")
    assert nodes[f"{head}.subdivision2.point_features"].config["in_features"] == ("p2", "p3")
    assert nodes["roi_heads.mask_pooler"].config == {"in_features": ("p3",), "output_size": 12}
    coarse = nodes[f"{head}.coarse_head"].config
    assert (coarse["conv_dim"], coarse["fc_dims"]) == (32, (128,))


def test_points_of_pixels_have_their_default_where_nothing_is_said(config):
    keys = {key: value for key, value in POINT_PIXELS.items() if "TRAIN_NUM_POINTS" not in key}
    assert check(config(keys)).nodes["sem_seg_head.points"].config["num_points"] == 196


@pytest.mark.parametrize("keys", [POINT_MASKS, POINT_PIXELS])
def test_every_key_is_in_exactly_one_place(config, keys):
    account = read_import(config(keys)).account
    places = [*account.used, *account.default, *account.not_carried_over]
    assert sorted(places) == sorted(default_values())


def test_keys_of_points_do_not_disturb_other_masks(config):
    keys = {**POINT_MASKS, "MODEL.ROI_MASK_HEAD.NAME": "MaskRCNNConvUpsampleHead"}
    keys |= {"MODEL.ROI_MASK_HEAD.POOLER_TYPE": "ROIAlignV2", "MODEL.ROI_MASK_HEAD.FC_DIM": 7}
    account = read_import(config(keys)).account
    assert account.not_carried_over["MODEL.ROI_MASK_HEAD.FC_DIM"] == (
        "only PointRendMaskHead looks at it"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {
                **POINT_MASKS,
                "MODEL.ROI_HEADS.NAME": "Res5ROIHeads",
                "MODEL.BACKBONE.NAME": "build_resnet_backbone",
            },
            "PointRend's masks need StandardROIHeads or CascadeROIHeads",
        ),
        (
            {**POINT_MASKS, "MODEL.ROI_MASK_HEAD.POINT_HEAD_ON": False},
            "POINT_HEAD_ON = False",
        ),
        ({**POINT_MASKS, f"{POINTS}.NUM_CLASSES": 8}, "MODEL.ROI_HEADS.NUM_CLASSES is 80"),
        ({**POINT_MASKS, f"{POINTS}.NAME": "ImplicitPointHead"}, "only 'StandardPointHead'"),
        ({**POINT_MASKS, f"{POINTS}.SUBDIVISION_STEPS": 1}, "masks begin with 28 x 28 points"),
        ({**POINT_MASKS, f"{POINTS}.IN_FEATURES": ["p9"]}, "there is no level 'p9'"),
        ({**POINT_MASKS, f"{POINTS}.IMPORTANCE_SAMPLE_RATIO": 2.0}, "a share is from 0 to 1"),
        ({**POINT_MASKS, f"{POINTS}.OVERSAMPLE_RATIO": 0}, "as many points as are needed"),
        ({**POINT_MASKS, "MODEL.ROI_MASK_HEAD.NUM_FC": 0}, "the coarse head has one layer"),
        ({**POINT_MASKS, "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": 7}, "the coarse head halves it"),
        (
            {**POINT_MASKS, "MODEL.ROI_MASK_HEAD.NAME": "ImplicitPointRendMaskHead"},
            "only 'MaskRCNNConvUpsampleHead' or 'PointRendMaskHead'",
        ),
        (
            {**POINT_PIXELS, **POINT_MASKS, "MODEL.META_ARCHITECTURE": "PanopticFPN"},
            "MODEL.ROI_HEADS.NUM_CLASSES is 80",
        ),
        ({**POINT_PIXELS, f"{POINTS}.CLS_AGNOSTIC_MASK": True}, "pixels have classes"),
        ({**POINT_PIXELS, f"{POINTS}.SUBDIVISION_STEPS": -1}, "fewer than none"),
    ],
)
def test_what_cannot_be_expressed_is_an_error_that_names_the_key(config, keys, message):
    with pytest.raises(SpecError) as caught:
        import_config(config(keys))
    assert message in " ".join(str(caught.value).split())
