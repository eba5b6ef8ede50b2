"""Sets the addresses that arguments of a lazy configuration stand for, and checks their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from composer.importing.draft import Draft, UnknownAddressError
from composer.importing.lazy.calls import Call
from composer.importing.lazy.norms import read_norm
from composer.importing.lazy.tables import Table

_NODE_DEFAULTS = Path(__file__).with_name("node_defaults.yaml")
_LABELS = (-1, 0, 1)
_NUM_DETECTIONS = "test_topk_per_image"
_ALL = 2**31 - 1  # detections of an image: what a negative number means
_NORMS = ("norm", "conv_norm")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "fuse_type": ("sum", "avg"),
    "pooler_type": ("ROIAlignV2", "ROIAlign", "ROIPool"),
    "box_reg_loss_type": ("smooth_l1", "giou", "diou", "ciou"),
}


@cache
def node_defaults() -> Mapping[str, Mapping[str, Any]]:
    """The defaults of our node types, as far as a configuration may name their values."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(_NODE_DEFAULTS.read_text(encoding="utf-8"))
    return found


def carry(call: Call, draft: Draft, table: Table, **names: str) -> None:
    """Sets all addresses of a table.

    Args:
        call: the constructor's call.
        draft: where to.
        table: the address of each argument.
        names: replacements of `{name}` in the addresses.
    """
    for argument, address in table.items():
        if argument in _CHOICES:
            call.require(argument, *_CHOICES[argument])
        is_norm = argument in _NORMS
        value: Any = read_norm(call, argument) if is_norm else call.take(argument)
        if argument == _NUM_DETECTIONS and value < 0:
            value = _ALL
        carry_value(call, argument, draft, address.format(**names), value)


def carry_value(call: Call, argument: str, draft: Draft, address: str, value: Any) -> None:
    """Sets the address that an argument stands for; notes a value that it cannot have."""
    try:
        set_value(draft, address, value, call.key_of(argument))
    except UnknownAddressError as error:
        if value != call.default(argument):
            call.refuse(argument, f"this model cannot express it: {error}")


def set_value(draft: Draft, address: str, value: Any, key: str = "") -> None:
    """Gives an address a value, unless it has it.

    Args:
        draft: where to.
        address: the address.
        value: the value.
        key: the configuration's key that has it.

    Raises:
        UnknownAddressError: there is no such node or param.
    """
    draft.set(address, value, _default_at(draft, address), key=key)


def value_at(draft: Draft, address: str) -> Any:
    """The value that an address has so far."""
    return draft.value_at(address, _default_at(draft, address))


def _default_at(draft: Draft, address: str) -> Any:
    """The default of the node type at an address, which holds where a spec says nothing."""
    key = address.rpartition(".")[2]
    uses = draft.node_type_at(address)
    return node_defaults().get(uses, {}).get(key)


def check_levels(call: Call, argument: str, levels: Sequence[str]) -> list[str]:
    """The levels that an argument names; notes those that there are not."""
    named: list[str] = call.take(argument) or []
    unknown = [name for name in named if name not in levels]
    if levels and (unknown or not named):
        what = f"there is no level {unknown[0]!r}" if unknown else "no level is named"
        call.refuse(argument, f"{what}; there are {', '.join(levels)}")
    return named


def check_value(call: Call, argument: str, expected: Any, because: str) -> None:
    """Notes an argument that does not fit to what is around it, where both are known."""
    value = call.take(argument)
    if expected is not None and value is not None and value != expected:
        call.refuse(argument, f"{expected} was expected: {because}")


def check_shape(call: Call, argument: str, channels: int | None, because: str) -> None:
    """Notes a ShapeSpec whose channels are not those of what comes in."""
    value = call.take(argument)
    found = value if isinstance(value, int) else _channels(call, argument)
    if channels is not None and found is not None and found != channels:
        call.refuse(argument, f"{channels} channels were expected: {because}")


def _channels(call: Call, argument: str) -> int | None:
    shape = call.call(argument, "ShapeSpec")
    found: int | None = shape.take("channels") if shape is not None else None
    return found


def carry_matcher(
    call: Call, argument: str, draft: Draft, table: Table, *, keeps_low: bool
) -> None:
    """Sets the thresholds and labels of a matcher."""
    matcher = call.call(argument, "Matcher")
    if matcher is not None:
        check_matcher(matcher, keeps_low=keeps_low)
        carry(matcher, draft, table)


def check_matcher(matcher: Call, *, keeps_low: bool) -> None:
    """Notes thresholds that do not ascend, labels that do not fit, and another kind of matching."""
    thresholds, labels = matcher.take("thresholds"), matcher.take("labels")
    if any(low > high for low, high in pairwise(thresholds)):
        matcher.refuse("thresholds", "thresholds ascend")
    if len(labels) != len(thresholds) + 1:
        matcher.refuse("labels", f"{len(thresholds) + 1} were expected, one more than thresholds")
    elif not all(label in _LABELS for label in labels):
        matcher.refuse("labels", "a label is 1, 0 or -1")
    matcher.require("allow_low_quality_matches", keeps_low)


def read_box_weights(call: Call, num_offsets: int = 4) -> list[float] | None:
    """The weights of box offsets; None where they are not read."""
    coder = call.call("box2box_transform", "Box2BoxTransform")
    if coder is None:
        return None
    weights: list[float] = coder.take("weights")
    if len(weights) != num_offsets:
        coder.refuse("weights", f"a box has {num_offsets} offsets, and a weight for each")
    coder.require("scale_clamp", coder.default("scale_clamp"))
    return [float(one) for one in weights]
