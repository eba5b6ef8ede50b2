"""From a configuration's region heads to addresses of ours."""

from __future__ import annotations

from typing import Any

from composer.importing import addresses
from composer.importing.architecture import Architecture
from composer.importing.carrying import (
    carry,
    check_box_weights,
    check_matching,
    require_alike_levels,
)
from composer.importing.cascade import translate_cascade
from composer.importing.config import Config
from composer.importing.draft import Draft
from composer.importing.points import drop_mask_points, translate_mask_points

_BOX = "MODEL.ROI_BOX_HEAD"


def translate_regions(config: Config, draft: Draft, model: Architecture, levels: list[str]) -> None:
    """Sets what the region heads are."""
    require_alike_levels(config, "MODEL.ROI_HEADS.IN_FEATURES", levels)
    stage = stages_of(model)
    carry(config, draft, addresses.REGIONS, stage=stage)
    check_matching(config, "MODEL.ROI_HEADS")
    if model.is_rotated:
        config.require(f"{_BOX}.BBOX_REG_LOSS_TYPE", "smooth_l1")
        config.require(f"{_BOX}.POOLER_TYPE", "ROIAlignRotated")
    else:
        carry(config, draft, addresses.UPRIGHT_REGIONS, stage=stage)
    if model.heads == "CascadeROIHeads":
        translate_cascade(config, draft)
    else:
        carry(config, draft, addresses.ONE_STAGE)
        weights = f"{_BOX}.BBOX_REG_WEIGHTS"
        check_box_weights(config, weights, config.take(weights), 5 if model.is_rotated else 4)
    if model.heads == "Res5ROIHeads":
        _drop_box_head(config)
    else:
        _translate_box_head(config, draft, stage)
    if model.renders_masks:
        translate_mask_points(config, draft, model, levels)
    elif model.has_masks:
        _translate_masks(config, draft, model)
    if model.has_keypoints:
        _translate_keypoints(config, draft)
    _translate_classes(config, draft, model)
    if config.take(f"{_BOX}.TRAIN_ON_PRED_BOXES"):
        _train_on_predicted_boxes(config, draft, model)


def stages_of(model: Architecture) -> str:
    """The prefix of the parts of a box head: a pattern for the stages of a cascade."""
    return "stage*." if model.heads == "CascadeROIHeads" else ""


def _translate_box_head(config: Config, draft: Draft, stage: str) -> None:
    config.require(f"{_BOX}.NAME", "FastRCNNConvFCHead")
    carry(config, draft, addresses.BOX_HEAD, stage=stage)
    convs = [config.take(f"{_BOX}.CONV_DIM")] * config.take(f"{_BOX}.NUM_CONV")
    layers = [config.take(f"{_BOX}.FC_DIM")] * config.take(f"{_BOX}.NUM_FC")
    if not convs and not layers:
        config.refuse(f"{_BOX}.NUM_FC", f"without {_BOX}.NUM_CONV, the head has no layer")
    draft.set(f"roi_heads.{stage}box_head.conv_dims", convs, [])
    draft.set(f"roi_heads.{stage}box_head.fc_dims", layers)


def _drop_box_head(config: Config) -> None:
    if len(config.take("MODEL.ROI_HEADS.IN_FEATURES")) > 1:
        config.refuse("MODEL.ROI_HEADS.IN_FEATURES", "Res5ROIHeads look at one level")
    for name in ("NAME", "CONV_DIM", "NUM_CONV", "FC_DIM", "NUM_FC", "NORM"):
        config.drop(f"{_BOX}.{name}", "the head of boxes is res5")


def _translate_masks(config: Config, draft: Draft, model: Architecture) -> None:
    section = "MODEL.ROI_MASK_HEAD"
    drop_mask_points(config)
    carry(config, draft, addresses.MASK)
    convs = [config.take(f"{section}.CONV_DIM")] * config.take(f"{section}.NUM_CONV")
    draft.set("roi_heads.mask_head.conv_dims", convs)
    if model.heads != "Res5ROIHeads":
        carry(config, draft, addresses.MASK_POOLER)
        return
    carry(config, draft, addresses.MASK_POOLER_OF_BOXES)
    for key in addresses.MASK_POOLER:
        config.drop(key, "masks are pooled as boxes are")


def _translate_keypoints(config: Config, draft: Draft) -> None:
    section = "MODEL.ROI_KEYPOINT_HEAD"
    config.require(f"{section}.NAME", "KRCNNConvDeconvUpsampleHead")
    carry(config, draft, addresses.KEYPOINTS)
    dims = config.take(f"{section}.CONV_DIMS")
    if dims and len(set(dims)) == 1:
        draft.set("roi_heads.keypoint_conv_dim", dims[0])
    draft.set("roi_heads.keypoint_head.conv_dims", dims)


def _translate_classes(config: Config, draft: Draft, model: Architecture) -> None:
    """Sets the federated loss, whose weights of classes are beside the predictor's."""
    key = f"{_BOX}.USE_FED_LOSS"
    if not config.take(key):
        return
    config.want(
        key,
        "image_counts in metadata, the number of training images with each class, where the "
        "checkpoint has no fed_loss_cls_weights; without both, training counts its own images",
    )
    because = "the federated loss judges each class by itself"
    config.require(f"{_BOX}.USE_SIGMOID_CE", True, because=because)
    is_cascade = model.heads == "CascadeROIHeads"
    stages = len(config.take("MODEL.ROI_BOX_CASCADE_HEAD.IOUS")) if is_cascade else 0
    power = config.take(f"{_BOX}.FED_LOSS_FREQ_WEIGHT_POWER")
    put_federated_loss(draft, stages, {"fed_loss_freq_weight_power": power})


def put_federated_loss(draft: Draft, num_stages: int, values: dict[str, Any]) -> None:
    """Puts the weights of classes beside the predictors.

    Args:
        draft: the spec.
        num_stages: stages of a cascade; 0 for no cascade.
        values: configuration of the predictors.
    """
    predictor: dict[str, Any] = {"num_classes": "${num_classes}", **values}
    places = ["roi_heads"]
    if num_stages:
        predictor["cls_agnostic_bbox_reg"] = True
        places = [f"roi_heads.stage{stage}" for stage in range(num_stages)]
    for place in places:
        draft.put_node(
            f"{place}.box_predictor", {"uses": "federated_box_predictor", "with": dict(predictor)}
        )
        draft.put_node(
            f"{place}.class_loss", {"inputs": {"class_weights": "box_predictor.class_weights"}}
        )


def _train_on_predicted_boxes(config: Config, draft: Draft, model: Architecture) -> None:
    key = f"{_BOX}.TRAIN_ON_PRED_BOXES"
    if model.is_rotated:
        config.refuse(key, "rotated heads have nothing to train on such boxes")
    elif model.heads != "StandardROIHeads":
        config.drop(key, "only StandardROIHeads look at it")
    elif model.has_masks or model.has_keypoints:
        put_predicted_boxes(draft, config.take(f"{_BOX}.BBOX_REG_WEIGHTS"))


def put_predicted_boxes(draft: Draft, weights: list[float]) -> None:
    """Makes masks and keypoints train on the boxes that the box head predicts."""
    node = {
        "uses": "predicted_boxes",
        "when": "training",
        "inputs": {
            "boxes": "sampled.boxes",
            "classes": "sampled.classes",
            "box_deltas": "box_predictor.box_deltas",
        },
        "with": {
            "num_classes": draft.value_within("roi_heads", "${num_classes}"),
            "box_weights": weights,
        },
    }
    draft.put_node("roi_heads.predicted", node)
    draft.put_node("roi_heads.foreground", {"inputs": {"boxes": "predicted"}})
