"""What a lazy configuration says beside its model, and the ways in which arguments are written."""

import pytest

from composer import import_config
from composer.construction import check_spec
from composer.importing import read_import
from composer.language import load_spec
from unit.importing import lazy_models as models

LOADER = {
    "train": {
        "_target_": "detectron2.data.build_detection_train_loader",
        "dataset": {"_target_": "detectron2.data.get_dataset", "names": "coco_2017_train"},
        "mapper": {"_target_": "detectron2.data.DatasetMapper", "image_format": "RGB"},
        "total_batch_size": 64,
    },
    "test": {
        "dataset": {"names": "coco_2017_val", "filter_empty": False},
        "mapper": {
            "is_train": False,
            "augmentations": [
                {
                    "_target_": "detectron2.data.transforms.ResizeShortestEdge",
                    "short_edge_length": 1024,
                    "max_size": 1024,
                }
            ],
            "image_format": "${...train.mapper.image_format}",
        },
    },
    "evaluator": {"dataset_name": "${..test.dataset.names}"},
}


@pytest.fixture
def imported(write):
    def import_model(model, **around):
        return read_import(write(models.write_yaml(model, **around), "my-model.yaml"))

    return import_model


def test_the_loader_says_how_images_are_read_and_what_classes_are_called(imported):
    made = imported(models.mask_rcnn(), dataloader=LOADER)
    assert made.document["inputs"]["batch"]["image"] == {
        "channel_order": "RGB",
        "shortest_edge": 1024,
        "longest_edge": 1024,
    }
    assert "detection-composer/blocks/coco_names" in made.document["extends"]


def test_what_a_loader_says_of_training_is_not_carried_over(imported):
    account = imported(models.mask_rcnn(), dataloader=LOADER).account
    reasons = account.not_carried_over
    assert reasons["dataloader.train.total_batch_size"] == (
        "how training data is loaded and prepared"
    )
    assert reasons["dataloader.evaluator.dataset_name"] == "how results are evaluated"
    assert account.values["dataloader.evaluator.dataset_name"] == "coco_2017_val"


def test_every_key_is_accounted_for_once(imported):
    account = imported(models.mask_rcnn(), dataloader=LOADER, train={"device": "cuda"}).account
    places = [*account.used, *account.not_carried_over]
    assert sorted(places) == sorted(account.values)


def test_names_of_classes_are_left_out_where_the_numbers_differ(imported):
    model = models.mask_rcnn()
    model["roi_heads"]["num_classes"] = 3
    document = imported(model, dataloader=LOADER).document
    assert document["extends"] == "detection-composer/mask_rcnn_r50_fpn"
    assert document["params"] == {"num_classes": 3}


def test_a_checkpoint_that_is_there_is_named(imported, tmp_path):
    (tmp_path / "model.pth").write_bytes(b"")
    path = str(tmp_path / "model.pth")
    made = imported(models.mask_rcnn(), train={"init_checkpoint": path, "amp": {"enabled": True}})
    assert made.document["weights"] == path
    assert made.account.not_carried_over == {"train.amp.enabled": "how it runs"}


def test_without_a_channel_order_it_is_assumed_and_said(imported):
    model = models.mask_rcnn()
    del model["input_format"]
    made = imported(model)
    assert "model.pixel_mean" in made.account.assumed
    assert "# Assumed, as the configuration does not say it:" in made.to_yaml()


def test_a_function_without_a_name_is_assumed_and_said_once_for_all_stages(imported, write):
    model = models.mask_rcnn(roi_heads=models.cascade_heads())
    for head in model["roi_heads"]["box_heads"]:
        head |= {"conv_dims": [256], "conv_norm": "LAMBDA"}
    text = models.write_yaml(model).replace("LAMBDA", "!!python/name:None.%3Clambda%3E ''")
    made = read_import(write(text))
    assert list(made.account.assumed) == ["model.roi_heads.box_heads[0].conv_norm"]
    assert made.document["set"]["roi_heads.stage*.box_head"]["norm"] == "SyncBN"


@pytest.mark.parametrize(
    ("tag", "norm"),
    [
        ("!!python/name:torch.nn.modules.batchnorm.BatchNorm2d ''", "BN"),
        ("!!python/name:detectron2.layers.batch_norm.NaiveSyncBatchNorm ''", "SyncBN"),
        ("!!python/name:detectron2.layers.batch_norm.FrozenBatchNorm2d ''", "FrozenBN"),
        ("!!python/name:detectron2.layers.batch_norm.LayerNorm ''", "LN"),
        ("naiveSyncBN", "SyncBN"),
        ("GN", "GN"),
    ],
)
def test_a_normalisation_is_a_word_or_a_class(write, tag, norm):
    model = models.mask_rcnn()
    model["backbone"]["norm"] = "NORM"
    document = import_config(write(models.write_yaml(model).replace("norm: NORM", f"norm: {tag}")))
    assert norm in (document.get("set", {}).get("backbone.fpn.norm"), *_of(document))


def _of(document):
    return ["SyncBN"] if document["extends"].endswith("_lsj") else []


def test_arguments_without_a_name_are_those_of_the_constructor(imported):
    model = models.mask_rcnn()
    matcher = model["proposal_generator"]["anchor_matcher"]
    model["proposal_generator"]["anchor_matcher"] = {
        "_target_": matcher["_target_"],
        "_args_": [[0.2, 0.8], [0, -1, 1], True],
    }
    document = imported(model).document
    assert document["set"] == {"proposal_generator.rpn_targets.iou_thresholds": [0.2, 0.8]}


def test_an_absent_argument_has_the_default_of_the_constructor(imported):
    model = models.mask_rcnn()
    del model["roi_heads"]["box_predictor"]["test_score_thresh"]
    del model["proposal_generator"]["anchor_generator"]["offset"]
    del model["backbone"]["bottom_up"]["freeze_at"]
    assert imported(model).document["set"] == {
        "backbone.bottom_up.freeze_at": 0,
        "proposal_generator.anchors.offset": 0.5,
        "roi_heads.detections.score_threshold": 0.0,
    }


def test_weights_of_losses_are_carried_over(imported):
    model = models.mask_rcnn()
    model["roi_heads"]["box_predictor"]["loss_weight"] = {"loss_box_reg": 2.0}
    model["roi_heads"]["mask_head"]["loss_weight"] = 0.5
    model["proposal_generator"]["loss_weight"] = {"loss_rpn_cls": 0.5, "loss_rpn_loc": 2.0}
    assert imported(model).document["set"] == {
        "proposal_generator.rpn_losses": {"loss_weight": 0.5, "bbox_reg_loss_weight": 4.0},
        "roi_heads.box_loss.bbox_reg_loss_weight": 2.0,
        "roi_heads.mask_loss.loss_weight": 0.5,
    }


def test_one_mask_channel_is_for_all_classes(imported):
    model = models.mask_rcnn()
    model["roi_heads"]["mask_head"]["num_classes"] = 1
    document = imported(model).document
    assert document["set"] == {"roi_heads.mask_head.cls_agnostic_mask": True}


def test_recomputed_activations_are_carried_over(imported):
    net = models.call("ViT", use_act_checkpoint=True)
    pyramid = models.call(
        "SimpleFeaturePyramid",
        net=net,
        in_feature="last_feat",
        out_channels=256,
        scale_factors=[4.0, 2.0, 1.0, 0.5],
        top_block=models.call("backbone.fpn.LastLevelMaxPool"),
        square_pad=1024,
    )
    document = imported(models.mask_rcnn(backbone=pyramid)).document
    assert document["nodes"]["backbone"] == {"nodes": {"net": {"recompute": True}}}


@pytest.mark.parametrize(("img_size", "square"), [(512, 640), (1024, 512), (1024, 0)])
def test_images_padded_to_another_square_than_the_transformer_was_made_for(
    imported, img_size, square
):
    pyramid = models.call(
        "SimpleFeaturePyramid",
        net=models.call("ViT", img_size=img_size),
        in_feature="last_feat",
        out_channels=256,
        scale_factors=[4.0, 2.0, 1.0, 0.5],
        top_block=models.call("backbone.fpn.LastLevelMaxPool"),
        square_pad=square,
    )
    document = imported(models.mask_rcnn(backbone=pyramid)).document
    assert document.get("params", {}) == ({"image_size": 512} if img_size == 512 else {})
    assert document["nodes"]["preprocess"] == {"with": {"square_size": square}}
    spec = check_spec(load_spec(document))
    assert spec.nodes["backbone.net"].config["img_size"] == img_size
    assert spec.nodes["preprocess"].config["square_size"] == square


def test_a_regnet_with_excitation_is_a_regnety(write):
    net = models.call(
        "RegNet",
        depth=22,
        w_a=31.41,
        w_0=96,
        w_m=2.24,
        group_width=64,
        se_ratio=0.25,
        stem_width=32,
        norm="FrozenBN",
        freeze_at=2,
        out_features=["s1", "s2", "s3", "s4"],
        stem_class="SimpleStem",
        block_class="ResBottleneckBlock",
    )
    text = models.write_yaml(models.mask_rcnn(backbone=models.fpn(bottom_up=net)))
    for name in ("SimpleStem", "ResBottleneckBlock"):
        tag = f"!!python/name:detectron2.modeling.backbone.regnet.{name} ''"
        text = text.replace(f"class: {name}", f"class: {tag}")
    document = import_config(write(text))
    assert document["extends"] == "detection-composer/mask_rcnn_regnety_4gf_fpn"
    assert set(document.get("set", {})) <= {"preprocess.pixel_std"}
