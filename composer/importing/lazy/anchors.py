"""From a lazy configuration's anchors and proposals to addresses of ours."""

from __future__ import annotations

from typing import Any

from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry,
    carry_matcher,
    carry_value,
    check_levels,
    check_value,
    read_box_weights,
    set_value,
)
from composer.importing.lazy.levels import Levels

_RPN = "proposal_generator"
_MODES = ("training", "inference")


def translate_rpn(call: Call, draft: Draft, levels: Levels) -> None:
    """Sets what the RPN is."""
    carry(call, draft, tables.RPN)
    carry_matcher(call, "anchor_matcher", draft, tables.RPN_MATCHER, keeps_low=True)
    _carry_topk(call, draft)
    _carry_weights(call, draft)
    weights = read_box_weights(call)
    if weights is not None:
        set_value(draft, f"{_RPN}.bbox_reg_weights", weights)
    named = check_levels(call, "in_features", levels.names)
    if levels.differ(named):
        call.refuse("in_features", "levels of a residual network differ in channels: name one")
    if named and named != levels.names:
        set_value(draft, f"{_RPN}.in_features", named)
    count = translate_anchors(call, draft, f"{_RPN}.anchors", levels, named)
    head = call.call("head", "StandardRPNHead")
    if head is not None:
        carry(head, draft, tables.RPN_HEAD)
        check_value(head, "in_channels", levels.channels_of(named), "these come in")
        check_value(head, "num_anchors", count, "the anchors of a cell")
        head.require("box_dim", 4)
        carry_value(head, "num_anchors", draft, f"{_RPN}.rpn_head.num_anchors", count)


def translate_anchors(
    call: Call, draft: Draft, path: str, levels: Levels, named: list[str]
) -> int | None:
    """Sets a detector's anchors, and returns how many a cell has."""
    made = call.call("anchor_generator", "DefaultAnchorGenerator")
    if made is None:
        return None
    carry_value(made, "offset", draft, f"{path}.offset", made.take("offset"))
    check_value(made, "strides", _strides(levels, named), "the strides of the levels")
    count = 1
    for argument in ("sizes", "aspect_ratios"):
        per_level = _per_level(made.take(argument))
        numbers = {len(one) for one in per_level}
        if len(per_level) not in (1, len(named)) and levels.names:
            these = f"there are {len(named)} levels ({', '.join(named)})"
            made.refuse(argument, f"{these}: one list for each, or one for all")
            return None
        if len(numbers) != 1 or 0 in numbers:
            made.refuse(argument, "levels have the same number, at least one")
            return None
        count *= numbers.pop()
        carry_value(made, argument, draft, f"{path}.{argument}", per_level)
    return count


def _strides(levels: Levels, named: list[str]) -> list[int] | None:
    if not levels.names or not set(named) <= set(levels.names):
        return None
    return [levels.strides[name] for name in named]


def _per_level(values: list[Any]) -> list[list[float]]:
    """A list for each level; a flat one is for all of them."""
    is_flat = bool(values) and not any(isinstance(one, list) for one in values)
    lists = [values] if is_flat else values
    return [[float(item) for item in one] for one in lists]


def _carry_topk(call: Call, draft: Draft) -> None:
    """Sets how many proposals are left, which is a pair: in training, and in inference."""
    for argument in ("pre_nms_topk", "post_nms_topk"):
        pair = call.take(argument)
        if len(pair) != len(_MODES):
            call.refuse(argument, "a number for training and one for inference were expected")
            continue
        for mode, value in zip(_MODES, pair, strict=True):
            set_value(draft, f"{_RPN}.proposals.{argument}_{mode}", value)


def _carry_weights(call: Call, draft: Draft) -> None:
    """Sets the weights of the losses: one for both, or one for each by name."""
    given = call.take("loss_weight")
    names = ("loss_rpn_cls", "loss_rpn_loc")
    pair = [given, given] if not isinstance(given, dict) else [given.get(n, 1.0) for n in names]
    if isinstance(given, dict) and not set(given) <= set(names):
        call.refuse("loss_weight", f"the losses are {' and '.join(names)}")
        return
    if not pair[0]:
        if pair[1]:
            call.refuse("loss_weight", "loss_rpn_cls has a weight above 0")
            return
        pair = [0.0, 0.0]
    carry_value(call, "loss_weight", draft, f"{_RPN}.rpn_losses.loss_weight", pair[0])
    of_boxes = pair[1] / pair[0] if pair[0] else 1.0
    key = call.key_of("loss_weight")
    set_value(draft, f"{_RPN}.rpn_losses.bbox_reg_loss_weight", of_boxes, key)
