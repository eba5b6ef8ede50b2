"""From a detectron2 configuration to a spec of our blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.importing import knobs
from composer.importing.architecture import Architecture
from composer.importing.config import Config, default_values
from composer.importing.draft import Draft, NoKnobError

_NUM_STAGES = 3
_NORMS = ("", "BN", "SyncBN", "FrozenBN", "GN", "LN")
_STRIDES = {"res2": 4, "res3": 8, "res4": 16, "res5": 32}


def translate(config: Config, model: Architecture) -> Draft:
    """The spec of a model; what cannot be expressed is noted in the configuration's log."""
    draft = model.draft()
    _translate_images(config, draft)
    _translate_backbone(config, draft, model)
    if model.proposals == "PrecomputedProposals":
        _give_proposals(draft)
    elif model.proposals:
        _translate_rpn(config, draft, model)
    if model.heads:
        _translate_regions(config, draft, model)
    if model.name == "RetinaNet":
        _carry(config, draft, knobs.RETINANET)
        config.require("MODEL.ANCHOR_GENERATOR.NAME", "DefaultAnchorGenerator")
        _set(config, draft, "MODEL.ANCHOR_GENERATOR.SIZES", "head.num_anchors", _anchors(config))
    if model.has_semantics:
        config.require("MODEL.SEM_SEG_HEAD.NAME", "SemSegFPNHead")
        _carry(config, draft, knobs.SEMANTIC)
    if model.name == "PanopticFPN":
        weight = "MODEL.PANOPTIC_FPN.INSTANCE_LOSS_WEIGHT"
        config.require(weight, 1.0, because="losses of instances have weights of their own")
        _carry(config, draft, knobs.PANOPTIC)
    return draft


def _carry(config: Config, draft: Draft, table: Mapping[str, str], **names: str) -> None:
    for key, knob in table.items():
        _set(config, draft, key, knob.format(**names), config.take(key))


def _set(config: Config, draft: Draft, key: str, knob: str, value: Any) -> None:
    """Turns the knob that a key stands for."""
    if key.endswith(".NORM"):
        config.require(key, *_NORMS)
    try:
        draft.set(knob, value, default_values()[key])
    except NoKnobError as error:
        if not config.is_default(key):
            config.refuse(key, f"this model cannot express it: {error}")


def _translate_images(config: Config, draft: Draft) -> None:
    _carry(config, draft, knobs.IMAGES)
    config.require("INPUT.FORMAT", "BGR", "RGB")
    draft.set_image("channel_order", config.take("INPUT.FORMAT"))
    draft.set_image("shortest_edge", config.take("INPUT.MIN_SIZE_TEST"))
    draft.set_image("longest_edge", config.take("INPUT.MAX_SIZE_TEST"))


def _translate_backbone(config: Config, draft: Draft, model: Architecture) -> None:
    net = "backbone/bottom_up" if model.has_pyramid else "backbone"
    _carry(config, draft, knobs.RESNET, net=net)
    if model.heads == "Res5ROIHeads" and config.take("MODEL.RESNETS.DEFORM_ON_PER_STAGE")[-1]:
        config.refuse("MODEL.RESNETS.DEFORM_ON_PER_STAGE", "regions' res5 is not deformable")
    if not model.has_pyramid:
        return
    _carry(config, draft, knobs.PYRAMID)
    levels = config.take("MODEL.FPN.IN_FEATURES")
    if not levels or not all(level in list(_STRIDES) for level in levels):
        config.refuse("MODEL.FPN.IN_FEATURES", "a pyramid stands on levels of res2 to res5")
        return
    if levels != config.take("MODEL.RESNETS.OUT_FEATURES"):
        draft.set("backbone/fpn.in_features", levels)
    draft.set("preprocess.size_divisibility", _STRIDES[levels[-1]])


def _levels(config: Config, model: Architecture) -> list[str]:
    """The names of the backbone's levels."""
    if not model.has_pyramid:
        return list(config.take("MODEL.RESNETS.OUT_FEATURES"))
    names = [f"p{str(name).removeprefix('res')}" for name in config.take("MODEL.FPN.IN_FEATURES")]
    num_tops = 2 if "retinanet" in model.backbone else 1
    last = int(names[-1][1:]) if names and names[-1][1:].isdigit() else 0
    return names + [f"p{last + 1 + index}" for index in range(num_tops)]


def _anchors(config: Config) -> int:
    """Anchors at each cell."""
    parts = ["SIZES", "ASPECT_RATIOS"]
    if config.values["MODEL.ANCHOR_GENERATOR.NAME"] == "RotatedAnchorGenerator":
        parts.append("ANGLES")
    count = 1
    for part in parts:
        per_level = config.take(f"MODEL.ANCHOR_GENERATOR.{part}")
        if not per_level or not all(isinstance(one, list) for one in per_level):
            config.refuse(f"MODEL.ANCHOR_GENERATOR.{part}", "a list of lists was expected")
            return 0
        if len({len(one) for one in per_level}) > 1:
            config.refuse(f"MODEL.ANCHOR_GENERATOR.{part}", "levels differ in their number")
        count *= len(per_level[0])
    return count


def _give_proposals(draft: Draft) -> None:
    if draft.base == "fast_rcnn_r50_fpn":
        return
    wires = {"proposals": "batch.proposals", "images": None, "features": None, "targets": None}
    draft.put_node("proposal_generator", {"uses": "given_proposals", "inputs": wires})
    draft.outputs = {"training": {"losses": "roi_heads.losses"}}


def _translate_rpn(config: Config, draft: Draft, model: Architecture) -> None:
    config.require("MODEL.RPN.HEAD_NAME", "StandardRPNHead")
    kind = "RotatedAnchorGenerator" if model.is_rotated else "DefaultAnchorGenerator"
    config.require("MODEL.ANCHOR_GENERATOR.NAME", kind)
    _carry(config, draft, knobs.RPN)
    if model.is_rotated:
        config.require("MODEL.RPN.BBOX_REG_LOSS_TYPE", "smooth_l1")
        config.require("MODEL.RPN.BOUNDARY_THRESH", -1)
        _carry(config, draft, knobs.ROTATED_RPN)
    else:
        _carry(config, draft, knobs.UPRIGHT_RPN)
    draft.set("proposal_generator.num_anchors", _anchors(config))
    levels = config.take("MODEL.RPN.IN_FEATURES")
    if levels != _levels(config, model):
        draft.set("proposal_generator.in_features", levels)


def _translate_regions(config: Config, draft: Draft, model: Architecture) -> None:
    _carry(config, draft, knobs.REGIONS)
    if model.is_rotated:
        config.require("MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_TYPE", "smooth_l1")
    else:
        _carry(config, draft, knobs.UPRIGHT_REGIONS)
    if model.heads == "CascadeROIHeads":
        _translate_cascade(config, draft)
    else:
        _carry(config, draft, knobs.ONE_STAGE)
    if model.heads == "Res5ROIHeads":
        _drop_box_head(config)
    else:
        _translate_box_head(config, draft)
    if model.has_masks:
        _translate_masks(config, draft, model)
    if model.has_keypoints:
        _translate_keypoints(config, draft)
    if config.take("MODEL.ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES"):
        _train_on_predicted_boxes(config, draft, model)


def _translate_cascade(config: Config, draft: Draft) -> None:
    section = "MODEL.ROI_BOX_CASCADE_HEAD"
    overlaps = config.take(f"{section}.IOUS")
    weights = config.take(f"{section}.BBOX_REG_WEIGHTS")
    if len(overlaps) != _NUM_STAGES:
        config.refuse(f"{section}.IOUS", f"a cascade has {_NUM_STAGES} stages here")
    elif overlaps[:1] != config.take("MODEL.ROI_HEADS.IOU_THRESHOLDS"):
        config.refuse(f"{section}.IOUS", "the first is MODEL.ROI_HEADS.IOU_THRESHOLDS")
    elif len(weights) != _NUM_STAGES:
        config.refuse(f"{section}.BBOX_REG_WEIGHTS", f"there are {_NUM_STAGES} stages")
    else:
        draft.set("roi_heads.bbox_reg_weights", weights[0])
        for stage in range(1, _NUM_STAGES):
            draft.set(f"roi_heads.stage{stage}_iou_threshold", overlaps[stage])
            draft.set(f"roi_heads.stage{stage}_bbox_reg_weights", weights[stage])
    shared = "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG"
    config.require(shared, True, because="in a cascade, classes share their boxes")
    config.drop("MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS", "a cascade has weights of its own")


def _translate_box_head(config: Config, draft: Draft) -> None:
    section = "MODEL.ROI_BOX_HEAD"
    config.require(f"{section}.NAME", "FastRCNNConvFCHead")
    _carry(config, draft, knobs.BOX_HEAD)
    convs = [config.take(f"{section}.CONV_DIM")] * config.take(f"{section}.NUM_CONV")
    layers = [config.take(f"{section}.FC_DIM")] * config.take(f"{section}.NUM_FC")
    draft.set("roi_heads.box_conv_dims", convs)
    draft.set("roi_heads.box_fc_dims", layers)


def _drop_box_head(config: Config) -> None:
    for name in ("NAME", "CONV_DIM", "NUM_CONV", "FC_DIM", "NUM_FC", "NORM"):
        config.drop(f"MODEL.ROI_BOX_HEAD.{name}", "the head of boxes is res5")


def _translate_masks(config: Config, draft: Draft, model: Architecture) -> None:
    section = "MODEL.ROI_MASK_HEAD"
    config.require(f"{section}.NAME", "MaskRCNNConvUpsampleHead")
    _carry(config, draft, knobs.MASK)
    convs = [config.take(f"{section}.CONV_DIM")] * config.take(f"{section}.NUM_CONV")
    draft.set("roi_heads.mask_conv_dims", convs)
    if model.heads != "Res5ROIHeads":
        _carry(config, draft, knobs.MASK_POOLER)
        return
    _carry(config, draft, knobs.MASK_POOLER_OF_BOXES)
    for key in knobs.MASK_POOLER:
        config.drop(key, "masks are pooled as boxes are")


def _translate_keypoints(config: Config, draft: Draft) -> None:
    section = "MODEL.ROI_KEYPOINT_HEAD"
    config.require(f"{section}.NAME", "KRCNNConvDeconvUpsampleHead")
    _carry(config, draft, knobs.KEYPOINTS)
    dims = config.take(f"{section}.CONV_DIMS")
    if dims and len(set(dims)) == 1:
        draft.set("roi_heads.keypoint_conv_dim", dims[0])
    draft.set("roi_heads.keypoint_conv_dims", dims)


def _train_on_predicted_boxes(config: Config, draft: Draft, model: Architecture) -> None:
    key = "MODEL.ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES"
    if model.heads != "StandardROIHeads":
        config.refuse(key, "only StandardROIHeads can")
    elif model.has_masks or model.has_keypoints:
        node = {
            "uses": "predicted_boxes",
            "when": "training",
            "inputs": {
                "boxes": "sampled.boxes",
                "classes": "sampled.classes",
                "box_deltas": "box_predictor.box_deltas",
            },
            "with": {
                "num_classes": config.take("MODEL.ROI_HEADS.NUM_CLASSES"),
                "box_weights": config.take("MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS"),
            },
        }
        draft.put_node("roi_heads/predicted", node)
        draft.put_node("roi_heads/foreground", {"inputs": {"boxes": "predicted"}})
