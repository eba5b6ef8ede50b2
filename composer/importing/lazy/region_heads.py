"""From a lazy configuration's region heads to addresses of ours."""

from __future__ import annotations

from typing import Any

from composer.importing.cascade import fit_stages, set_stages
from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry,
    carry_matcher,
    carry_value,
    check_levels,
    check_matcher,
    check_shape,
    check_value,
    read_box_weights,
    set_value,
    value_at,
)
from composer.importing.lazy.lazy_model import LazyModel
from composer.importing.lazy.levels import Levels
from composer.importing.lazy.region_branches import (
    translate_keypoints,
    translate_masks,
    translate_pooler,
)
from composer.importing.lazy.resnets import translate_region_stage
from composer.importing.regions import put_federated_loss, put_predicted_boxes

_FEDERATED_BLOCKS = {
    "mask_roi_heads": "blocks/federated_mask_roi_heads.yaml",
    "cascade_mask_roi_heads": "blocks/federated_cascade_mask_roi_heads.yaml",
}
_POWER = 0.5
_LOSSES = ("loss_cls", "loss_box_reg")


def translate_regions(model: LazyModel, draft: Draft, levels: Levels) -> None:
    """Sets what the region heads are."""
    heads = model.heads
    assert heads is not None
    if model.is_federated:
        _put_federated(model, draft)
    carry(heads, draft, tables.REGIONS)
    level_argument = "in_features" if heads.name == "Res5ROIHeads" else "box_in_features"
    named = check_levels(heads, level_argument, levels.names)
    if levels.differ(named):
        heads.refuse(level_argument, "levels of a residual network differ in channels: name one")
    if named:
        carry_value_alike(heads, level_argument, draft, "roi_heads.in_features", named)
    if heads.name == "CascadeROIHeads":
        _translate_cascade(heads, draft, levels, named)
    elif heads.name == "Res5ROIHeads":
        _translate_res5(heads, draft, levels, named)
    else:
        _translate_standard(heads, draft, levels, named)
    if model.has_masks and heads.name != "Res5ROIHeads":
        translate_masks(heads, draft, levels, named)
    if model.has_keypoints:
        translate_keypoints(heads, draft, levels, named)
    _drop_branches(heads)


def _drop_branches(heads: Call) -> None:
    """Notes the arguments of branches that are off, as no levels are named for them."""
    for name in ("mask", "keypoint"):
        levels = f"{name}_in_features"
        if levels in heads.signature and not heads.has(levels):
            for argument in (levels, f"{name}_pooler", f"{name}_head"):
                heads.drop(argument, f"without {levels}, there is no such branch")


def carry_value_alike(call: Call, argument: str, draft: Draft, address: str, value: Any) -> None:
    """Sets a param of the heads, of which the spec has the value where it has none of its own."""
    if value_at(draft, address) != value:
        carry_value(call, argument, draft, address, value)


def _translate_standard(heads: Call, draft: Draft, levels: Levels, named: list[str]) -> None:
    carry_matcher(heads, "proposal_matcher", draft, tables.REGION_MATCHER, keeps_low=False)
    side = translate_pooler(heads, "box_pooler", draft, "box", levels, named)
    channels = levels.channels_of(named)
    width = _translate_box_head(heads.call("box_head", "FastRCNNConvFCHead"), draft, channels, side)
    predictor = heads.call("box_predictor", "FastRCNNOutputLayers")
    weights = _translate_predictor(predictor, heads, draft, "", width)
    if heads.take("train_on_pred_boxes") and (heads.has("mask_head") or heads.has("keypoint_head")):
        put_predicted_boxes(draft, weights or [10.0, 10.0, 5.0, 5.0])


def _translate_res5(heads: Call, draft: Draft, levels: Levels, named: list[str]) -> None:
    carry_matcher(heads, "proposal_matcher", draft, tables.REGION_MATCHER, keeps_low=False)
    if len(named) > 1:
        heads.refuse("in_features", "Res5ROIHeads look at one level")
    translate_pooler(heads, "pooler", draft, "box", levels, named)
    stage = heads.call("res5", "ResNet.make_stage")
    width = (
        translate_region_stage(stage, draft, levels.channels_of(named))
        if stage is not None
        else None
    )
    _translate_predictor(
        heads.call("box_predictor", "FastRCNNOutputLayers"), heads, draft, "", width
    )
    if heads.has("mask_head"):
        translate_pooler(heads, "pooler", draft, "mask", levels, named)
        translate_masks(heads, draft, levels, named, width)


def _translate_cascade(heads: Call, draft: Draft, levels: Levels, named: list[str]) -> None:
    """Sets the stages of a cascade, which have all but thresholds and weights in common."""
    heads.drop("train_on_pred_boxes", "only StandardROIHeads look at it")
    side = translate_pooler(heads, "box_pooler", draft, "stage*.box", levels, named)
    matchers = heads.calls("proposal_matchers", "Matcher")
    boxes = heads.calls("box_heads", "FastRCNNConvFCHead")
    predictors = heads.calls("box_predictors", "FastRCNNOutputLayers")
    count = len(boxes)
    for argument, found in (("proposal_matchers", matchers), ("box_predictors", predictors)):
        if len(found) != count or not count:
            key = heads.key_of(argument)
            heads.config.note(key, f"{key}: {count} were expected, one for each of box_heads")
            return
    for index, matcher in enumerate(matchers):
        check_matcher(matcher, keeps_low=False)
        if index:
            matcher.require("labels", [0, 1])
            if len(matcher.take("thresholds")) != 1:
                matcher.refuse("thresholds", "a later stage has one threshold")
    if not all(matcher.take("thresholds") for matcher in matchers):
        matchers[0].refuse("thresholds", "each stage has a threshold")
        return
    carry(matchers[0], draft, tables.REGION_MATCHER)
    channels = levels.channels_of(named)
    widths = [_translate_box_head(one, draft, channels, side, "stage*.") for one in boxes]
    _check_alike(boxes, ("conv_dims", "fc_dims", "conv_norm"))
    weights = [
        _translate_predictor(one, heads, draft, "stage*.", width) or [1.0] * 4
        for one, width in zip(predictors, widths, strict=True)
    ]
    _check_alike(predictors, [one for one in predictors[0].signature if one not in _OF_A_STAGE])
    overlaps = [matcher.take("thresholds")[0] for matcher in matchers]
    set_stages(draft, overlaps, weights)
    fit_stages(draft, overlaps, weights)


_OF_A_STAGE = ("input_shape", "box2box_transform")


def _check_alike(calls: list[Call], arguments: Any) -> None:
    """Notes in what a stage of a cascade differs from the first one."""
    for call in calls[1:]:
        for argument in arguments:
            if call.take(argument) != calls[0].take(argument):
                call.refuse(argument, "the stages of a cascade have it in common")


def _translate_box_head(
    call: Call | None, draft: Draft, channels: int | None, side: int | None, stage: str = ""
) -> int | None:
    """Sets the layers of a box head, and returns how many values it gives."""
    if call is None:
        return None
    check_shape(call, "input_shape", channels, "these are those of the levels")
    carry(call, draft, tables.BOX_HEAD, stage=stage)
    convs, layers = call.take("conv_dims"), call.take("fc_dims")
    if not convs and not layers:
        call.refuse("fc_dims", "without conv_dims, the head has no layer")
    address = f"roi_heads.{stage}box_head.fc_dims"
    _set_layers(draft, address, layers)
    if layers:
        return int(layers[-1])
    return convs[-1] * side**2 if convs and side else None


def _set_layers(draft: Draft, address: str, layers: list[int]) -> None:
    """Sets the linear layers; two alike ones are those of the spec with their own width."""
    usual = "roi_heads.fc_dim"
    is_usual = value_at(draft, address) == [value_at(draft, usual)] * 2
    if is_usual and len(layers) == 2 and len(set(layers)) == 1:
        set_value(draft, usual, layers[0])
    set_value(draft, address, layers)


def _translate_predictor(
    call: Call | None, heads: Call, draft: Draft, stage: str, width: int | None
) -> list[float] | None:
    """Sets a box predictor and its losses, and returns the weights of its box offsets."""
    if call is None:
        return None
    carry(call, draft, tables.PREDICTOR, stage=stage)
    check_value(call, "num_classes", heads.take("num_classes"), "the heads have as many")
    _check_width(call, width)
    agnostic = call.take("cls_agnostic_bbox_reg")
    if stage:
        call.require("cls_agnostic_bbox_reg", True, because="in a cascade, classes share boxes")
    else:
        address = "roi_heads.box_predictor.cls_agnostic_bbox_reg"
        carry_value(call, "cls_agnostic_bbox_reg", draft, address, agnostic)
    _carry_losses(call, draft, stage)
    _carry_federated(call, draft, stage)
    weights = read_box_weights(call)
    if weights is not None and not stage:
        set_value(draft, "roi_heads.bbox_reg_weights", weights)
    return weights


def _check_width(call: Call, width: int | None) -> None:
    shape = call.take("input_shape")
    if isinstance(shape, int):
        check_value(call, "input_shape", width, "the head before it gives as many")
        return
    made = call.call("input_shape", "ShapeSpec")
    if made is None or width is None:
        return
    found = made.take("channels")
    area = (made.take("height") or 1) * (made.take("width") or 1)
    if found is not None and found * area != width:
        made.refuse("channels", f"{width} values were expected: the head before gives as many")


def _carry_losses(call: Call, draft: Draft, stage: str) -> None:
    given = call.take("loss_weight")
    if isinstance(given, dict) and not set(given) <= set(_LOSSES):
        call.refuse("loss_weight", f"the losses are {' and '.join(_LOSSES)}")
        return
    of_classes, of_boxes = (
        [given.get(name, 1.0) for name in _LOSSES] if isinstance(given, dict) else [given, given]
    )
    key = call.key_of("loss_weight")
    set_value(draft, f"roi_heads.{stage}class_loss.loss_weight", of_classes, key)
    set_value(draft, f"roi_heads.{stage}box_loss.bbox_reg_loss_weight", of_boxes, key)


def _put_federated(model: LazyModel, draft: Draft) -> None:
    """Puts the federated loss into the heads."""
    assert model.heads is not None
    block = _FEDERATED_BLOCKS.get(model.architecture.block)
    if block is not None:
        draft.put_block("roi_heads", block)
        return
    is_cascade = model.heads.name == "CascadeROIHeads"
    stages = len(model.heads.take("box_predictors")) if is_cascade else 0
    put_federated_loss(draft, stages, {})


def _carry_federated(call: Call, draft: Draft, stage: str) -> None:
    weigh = "get_fed_loss_cls_weights"
    if not call.take("use_fed_loss"):
        for argument in (weigh, "fed_loss_num_classes"):
            call.drop(argument, "without use_fed_loss, nothing looks at it")
        return
    call.require("use_sigmoid_ce", True, because="the federated loss judges each class by itself")
    carry(call, draft, tables.FEDERATED, stage=stage)
    address = f"roi_heads.{stage}class_loss.use_fed_loss"
    set_value(draft, address, True)
    if call.take(weigh) is None:
        call.refuse("use_fed_loss", f"detectron2 needs {weigh} with it")
        return
    call.config.assume(
        call.key_of(weigh),
        f"a function, taken for the square root of the number of images of each class, which it "
        f"is in detectron2's own files (fed_loss_freq_weight_power = {_POWER})",
    )
    call.config.want(
        call.key_of(weigh),
        "image_counts in metadata, the number of training images with each class, where the "
        "checkpoint has no fed_loss_cls_weights; without both, training counts its own images",
    )
