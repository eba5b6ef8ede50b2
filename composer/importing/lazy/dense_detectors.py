"""From a lazy configuration's RetinaNet or FCOS to addresses of ours."""

from __future__ import annotations

from typing import Any

from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.anchors import translate_anchors
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry,
    carry_matcher,
    carry_value,
    check_levels,
    check_value,
    read_box_weights,
    set_value,
    value_at,
)
from composer.importing.lazy.levels import Levels

_WHOLE = "in_features"


def translate_retinanet(call: Call, draft: Draft, levels: Levels) -> None:
    """Sets the head, the losses and the detections of a RetinaNet."""
    carry(call, draft, {**tables.RETINANET, **tables.DENSE_DETECTIONS})
    call.drop("vis_period", "how it runs")
    named = _translate_levels(call, draft, levels)
    carry_matcher(call, "anchor_matcher", draft, tables.DENSE_MATCHER, keeps_low=True)
    weights = read_box_weights(call)
    if weights is not None:
        set_value(draft, "bbox_reg_weights", weights)
    count = translate_anchors(call, draft, "anchors", levels, named)
    head = call.call("head", "RetinaNetHead")
    if head is not None:
        _translate_head(call, head, draft, levels, named)
        check_value(head, "num_anchors", count, "the anchors of a cell")
        carry_value(head, "num_anchors", draft, "head.num_anchors", count)


def translate_fcos(call: Call, draft: Draft, levels: Levels) -> None:
    """Sets the head, the losses and the detections of an FCOS."""
    carry(call, draft, {**tables.FCOS, **tables.DENSE_DETECTIONS})
    coder = call.call("box2box_transform", "Box2BoxTransformLinear")
    if coder is not None:
        coder.require("normalize_by_size", True)
    named = _translate_levels(call, draft, levels)
    head = call.call("head", "FCOSHead")
    if head is not None:
        _translate_head(call, head, draft, levels, named)
    if named and set(named) <= set(levels.names):
        # Each cell is a box as large as its stride.
        set_value(draft, "anchors.sizes", [[float(levels.strides[name])] for name in named])


def _translate_levels(call: Call, draft: Draft, levels: Levels) -> list[str]:
    """Sets the levels of the head: all of the backbone by default."""
    if not call.has("head_in_features"):
        named = levels.names
    else:
        named = check_levels(call, "head_in_features", levels.names)
    if named and value_at(draft, _WHOLE) != named:
        set_value(draft, _WHOLE, named)
    return named


def _translate_head(call: Call, head: Call, draft: Draft, levels: Levels, named: list[str]) -> None:
    carry(head, draft, tables.DENSE_HEAD)
    check_value(head, "num_classes", call.take("num_classes"), "the model has as many")
    channels = levels.channels_of(named)
    shapes: list[Any] = head.take("input_shape")
    if named and len(shapes) != len(named):
        head.refuse("input_shape", f"{len(named)} were expected, one for each level")
    for shape in head.calls("input_shape", "ShapeSpec"):
        check_value(shape, "channels", channels, "all levels have as many")
    dims = head.take("conv_dims")
    if len(set(dims)) > 1:
        head.refuse("conv_dims", "all layers have as many channels")
        return
    carry_value(head, "conv_dims", draft, "head.num_convs", len(dims))
    address = "head.conv_dim"
    width = dims[0] if dims and dims[0] != channels else -1  # as many as come in
    set_value(draft, address, width)
