"""A residual network of a lazy configuration: its stem and stages as settings of ours."""

from __future__ import annotations

from typing import Any

from composer.importing.draft import Draft
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry_value,
    check_levels,
    check_value,
    set_value,
    value_at,
)
from composer.importing.lazy.levels import NO_LEVELS, Levels
from composer.importing.lazy.norms import read_norm

_STAGES = ("res2", "res3", "res4", "res5")
_NUM_BLOCKS = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
_BASIC = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}
_STEM_CHANNELS, _RES2_CHANNELS, _BASIC_CHANNELS = 64, 256, 64
_BLOCKS = ("BottleneckBlock", "DeformBottleneckBlock", "BasicBlock")
_SHARED = ("num_groups", "stride_in_1x1", "deform_modulated", "deform_num_groups")


def translate_resnet(call: Call, draft: Draft, net: str) -> Levels:
    """Sets what a residual network is.

    Args:
        call: the call of `ResNet`.
        draft: where to.
        net: the path of the network's node.
    """
    call.require("num_classes", None)
    carry_value(call, "freeze_at", draft, f"{net}.freeze_at", call.take("freeze_at"))
    stem = call.call("stem", "BasicStem")
    norm = ""
    if stem is not None:
        stem.require("in_channels", 3)
        norm = read_norm(stem, "norm")
        set_value(draft, f"{net}.norm", norm)
        channels = stem.take("out_channels")
        carry_value(stem, "out_channels", draft, f"{net}.stem_out_channels", channels)
    res2_channels = _translate_stages(call, draft, net, norm)
    named = check_levels(call, "out_features", _STAGES)
    if not named or not res2_channels or not set(named) <= set(_STAGES):
        return NO_LEVELS
    carry_value(call, "out_features", draft, f"{net}.out_features", named)
    strides = {name: 4 * 2**index for index, name in enumerate(_STAGES)}
    found = {name: res2_channels * strides[name] // 4 for name in named}
    return Levels({name: strides[name] for name in named}, found)


def translate_region_stage(call: Call, draft: Draft, channels: int | None) -> int:
    """Checks the stage that is a region head, res5, and returns its channels.

    Args:
        call: the call of `ResNet.make_stage`.
        draft: where the backbone is set.
        channels: what comes in.
    """
    check_value(call, "in_channels", channels, "these come in")
    call.require("num_blocks", 3)
    if _block_of(call) != "BottleneckBlock":
        call.refuse("block_class", "regions' res5 has bottlenecks that are not deformable")
    call.require("dilation", 1)
    if call.has("stride_per_block"):
        call.require("stride_per_block", [2, 1, 1])
    else:
        call.require("stride", 2)
    out_channels: int = call.take("out_channels")
    groups, width = call.take("num_groups"), call.take("bottleneck_channels")
    values: dict[str, tuple[str, Any]] = {
        "norm": ("norm", read_norm(call, "norm")),
        "out_channels": ("res2_out_channels", out_channels // 8),
        "num_groups": ("num_groups", groups),
        "stride_in_1x1": ("stride_in_1x1", call.take("stride_in_1x1")),
        "bottleneck_channels": ("width_per_group", (width or 0) // (8 * groups)),
    }
    if out_channels % 8 or (width or 0) % (8 * groups):
        call.refuse("out_channels", "res5 has eight times the channels of res2, in its groups too")
    for argument, (key, value) in values.items():
        _check_shared(call, argument, draft, key, value)
    return out_channels


def _check_shared(call: Call, argument: str, draft: Draft, key: str, value: Any) -> None:
    """Notes where the region head differs from the backbone, with which it shares its params."""
    address = f"roi_heads.res5.{key}"
    current = value_at(draft, address)
    if current != value:
        call.refuse(argument, f"its {key} is {value!r}, and {current!r} in the backbone")


def _translate_stages(call: Call, draft: Draft, net: str, norm: str) -> int:
    """Sets depth, channels and the kind of the blocks; returns the channels of res2, or 0."""
    made = call.call("stages", "ResNet.make_default_stages") if _is_default(call) else None
    if made is not None:
        return _translate_default_stages(made, draft, net, norm)
    if _is_default(call):
        return 0
    stages = call.calls("stages", "ResNet.make_stage")
    if len(stages) != len(_STAGES):
        call.config.note(call.key_of("stages"), f"{call.key_of('stages')}: there are four stages")
        return 0
    return _translate_given_stages(stages, draft, net, norm)


def _is_default(call: Call) -> bool:
    element = call.arguments.get("stages")
    return element is None or not isinstance(element.value, list)


def _translate_default_stages(made: Call, draft: Draft, net: str, norm: str) -> int:
    depth = made.require("depth", *_BASIC, *_NUM_BLOCKS)
    if depth not in (*_BASIC, *_NUM_BLOCKS):
        return 0
    carry_value(made, "depth", draft, f"{net}.depth", depth)
    block = _block_of(made) or ("BasicBlock" if depth in _BASIC else "BottleneckBlock")
    if (block == "BasicBlock") != (depth in _BASIC):
        made.refuse("block_class", f"a ResNet of depth {depth} has other blocks")
    groups = made.take("num_groups")
    if 64 % groups:
        made.refuse("num_groups", "it divides the 64 channels of the bottlenecks of res2")
        return 0
    made.require("dilation", 1)
    is_deform = block == "DeformBottleneckBlock"
    _translate_blocks(made, draft, net, norm, [is_deform] * len(_STAGES))
    width = 64 // groups
    set_value(draft, f"{net}.width_per_group", width)
    channels = _BASIC_CHANNELS if depth in _BASIC else _RES2_CHANNELS
    set_value(draft, f"{net}.res2_out_channels", channels)
    return channels


def _translate_blocks(call: Call, draft: Draft, net: str, norm: str, deforms: list[bool]) -> None:
    """Sets what all blocks have in common."""
    if read_norm(call, "norm") != norm:
        call.refuse("norm", f"the stem has {norm!r}, and one normalisation is for all")
    for argument in _SHARED:
        carry_value(call, argument, draft, f"{net}.{argument}", call.take(argument))
    set_value(draft, f"{net}.deform_on_per_stage", deforms)


def _translate_given_stages(stages: list[Call], draft: Draft, net: str, norm: str) -> int:
    """Sets a network whose stages are written one by one."""
    counts = [stage.take("num_blocks") for stage in stages]
    depths = [depth for depth, blocks in _NUM_BLOCKS.items() if blocks == counts]
    first, last = stages[0], stages[-1]
    if not depths:
        first.refuse("num_blocks", "bottlenecks in numbers of a ResNet-50, -101 or -152 can be")
        return 0
    set_value(draft, f"{net}.depth", depths[0])
    deforms = [_block_of(stage) == "DeformBottleneckBlock" for stage in stages]
    _translate_blocks(first, draft, net, norm, deforms)
    channels: int = first.take("out_channels")
    groups, width = first.take("num_groups"), first.take("bottleneck_channels") or 0
    set_value(draft, f"{net}.res2_out_channels", channels)
    set_value(draft, f"{net}.width_per_group", width // groups)
    dilation = last.take("dilation")
    set_value(draft, f"{net}.res5_dilation", dilation)
    for index, stage in enumerate(stages):
        _check_stage(stage, first, index, dilation)
    return channels


def _check_stage(stage: Call, first: Call, index: int, last_dilation: int) -> None:
    """Notes what a stage has other than our networks have."""
    is_last = index == len(_STAGES) - 1
    if _block_of(stage) == "BasicBlock":
        stage.refuse("block_class", "stages of basic blocks are written as default stages")
    for argument in ("out_channels", "bottleneck_channels"):
        wanted = (first.take(argument) or 0) * 2**index
        stage.require(argument, wanted, because=f"each stage has twice as many: {wanted}")
    stage.drop("in_channels", "the stage before says it")
    for argument in _SHARED:
        stage.require(argument, first.take(argument))
    if read_norm(stage, "norm") != read_norm(first, "norm"):
        stage.refuse("norm", "one normalisation is for all")
    stage.require("dilation", last_dilation if is_last else 1)
    stride = 1 if index == 0 or (is_last and last_dilation == 2) else 2
    if stage.has("stride_per_block"):
        blocks = [stride] + [1] * (stage.take("num_blocks") - 1)
        stage.require("stride_per_block", blocks)
    elif stride != 1:
        stage.refuse("stride", f"stride_per_block begins with {stride}")


def _block_of(call: Call) -> str:
    """The name of the class of blocks; "" for the default."""
    value = call.take("block_class")
    name = value.name.rpartition(".")[2] if value is not None and hasattr(value, "name") else ""
    if name and name not in _BLOCKS:
        call.refuse("block_class", f"only {' or '.join(_BLOCKS)} can be expressed")
    return name
