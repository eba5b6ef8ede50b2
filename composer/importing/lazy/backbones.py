"""From a lazy configuration's backbone to addresses of ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry,
    carry_value,
    check_levels,
    check_value,
    set_value,
    value_at,
)
from composer.importing.lazy.levels import NO_LEVELS, Levels
from composer.importing.lazy.norms import read_layer_norm_eps
from composer.importing.lazy.resnets import translate_resnet

NETWORKS = ("ResNet", "RegNet", "SwinTransformer", "MViT")
PYRAMIDS = ("FPN", "SimpleFeaturePyramid")
TOP_BLOCKS = ("LastLevelMaxPool", "LastLevelP6P7")
_TOPS = {"LastLevelMaxPool": "maxpool", "LastLevelP6P7": "p6p7"}
_NUM_TOPS = {"LastLevelMaxPool": 1, "LastLevelP6P7": 2}
_LEAST = 2**-16  # of the factors of a pyramid
_NET, _PLAIN_NET = "backbone.bottom_up", "backbone.net"


def translate_backbone(call: Call, draft: Draft) -> Levels:
    """Sets what the backbone is, and returns its levels."""
    if call.name == "ResNet":
        return translate_resnet(call, draft, "backbone")
    if call.name == "SimpleFeaturePyramid":
        return _translate_simple_pyramid(call, draft)
    network = call.call("bottom_up", *NETWORKS)
    if network is None:
        return NO_LEVELS
    below = _TRANSLATIONS[network.name](network, draft, _NET)
    carry(call, draft, tables.PYRAMID)
    named = check_levels(call, "in_features", below.names)
    strides = [below.strides[name] for name in named if name in below.strides]
    if not strides or len(strides) != len(named):
        return NO_LEVELS
    if any(coarse != 2 * fine for fine, coarse in pairwise(strides)):
        call.refuse("in_features", "each level has half the resolution of the one before it")
    if named != below.names:
        set_value(draft, "backbone.fpn.in_features", named)
    channels = {**below.channels, **_levels_at(call, strides).channels}
    return _finish_pyramid(call, draft, strides, channels)


def _translate_simple_pyramid(call: Call, draft: Draft) -> Levels:
    network = call.call("net", "ViT")
    if network is None:
        return NO_LEVELS
    stride = _translate_vit(network, draft)
    check_value(call, "in_feature", network.take("out_feature"), "it is the map of the ViT")
    carry(call, draft, tables.SIMPLE_PYRAMID)
    factors = call.take("scale_factors")
    is_sensible = all(_LEAST <= factor <= 1 / _LEAST for factor in factors)
    strides = [round(stride / factor) for factor in factors] if is_sensible else []
    if not strides or any(one < 1 or not math.log2(one).is_integer() for one in strides):
        call.refuse("scale_factors", "each makes a stride that is a power of two")
        return NO_LEVELS
    return _finish_pyramid(call, draft, strides, _levels_at(call, strides).channels)


def _levels_at(call: Call, strides: list[int]) -> Levels:
    names = {f"p{int(math.log2(stride))}": stride for stride in strides}
    return Levels(names, dict.fromkeys(names, call.take("out_channels")))


def _finish_pyramid(
    call: Call, draft: Draft, strides: list[int], channels: Mapping[str, int]
) -> Levels:
    """Sets the levels above the pyramid, and the padding of images."""
    top = call.call("top_block", *TOP_BLOCKS)
    num_tops = _NUM_TOPS[top.name] if top is not None else 0
    kind = _TOPS[top.name] if top is not None else ""
    carry_value(call, "top_block", draft, "backbone.fpn.top_block", kind)
    call.config.use(call.key_of("top_block"))
    if top is not None and top.name == "LastLevelP6P7":
        _translate_p6p7(call, top, draft, channels)
    set_value(draft, "preprocess.size_divisibility", strides[-1])
    _set_square(call, draft)
    return _levels_at(call, [*strides, *(strides[-1] * 2 ** (i + 1) for i in range(num_tops))])


def _translate_p6p7(call: Call, top: Call, draft: Draft, channels: Mapping[str, int]) -> None:
    feature = top.take("in_feature")
    address = "backbone.fpn.top_block_in_feature"
    if feature not in channels:
        top.refuse("in_feature", f"there is no level {feature!r}; there are {', '.join(channels)}")
        return
    check_value(top, "in_channels", channels[feature], f"these are those of {feature}")
    check_value(top, "out_channels", call.take("out_channels"), "all levels have as many")
    if call.name == "SimpleFeaturePyramid":
        check_value(top, "in_feature", [*channels][-1], "levels above start from the last one")
    else:
        set_value(draft, address, feature)


def _set_square(call: Call, draft: Draft) -> None:
    """Sets the square that images are padded to, beside the size that a transformer has."""
    side = call.take("square_pad")
    address = "preprocess.square_size"
    if side == value_at(draft, address):
        return
    source = draft.source_of(address)
    is_of_network = any(source == draft.source_of(f"{net}.img_size") for net in (_NET, _PLAIN_NET))
    if side == 0 or is_of_network or source in draft.settings:
        draft.put_node("preprocess", {"with": {"square_size": side}})
    else:
        set_value(draft, address, side)


def _translate_vit(call: Call, draft: Draft) -> int:
    """Sets a plain transformer, and returns the stride of its map."""
    _require_plain(call)
    carry(call, draft, tables.VIT, net=_PLAIN_NET)
    eps = read_layer_norm_eps(call)
    if eps is not None:
        set_value(draft, f"{_PLAIN_NET}.norm_eps", eps)
    _recompute(call, "use_act_checkpoint", draft, _PLAIN_NET)
    stride: int = call.take("patch_size")
    return stride


def _translate_regnet(call: Call, draft: Draft, net: str) -> Levels:
    carry(call, draft, tables.REGNET, net=net)
    for argument, wanted in (("stem_class", "SimpleStem"), ("block_class", "ResBottleneckBlock")):
        value = call.take(argument)
        if getattr(value, "name", "").rpartition(".")[2] != wanted:
            call.refuse(argument, f"only {wanted} can be expressed")
    call.require("activation_class", None)
    call.require("stride", 2)
    named = call.take("out_features") or []
    strides = {name: 4 * 2**index for index, name in enumerate(("s1", "s2", "s3", "s4"))}
    return _known_levels(call, "out_features", named, strides)


def _translate_swin(call: Call, draft: Draft, net: str) -> Levels:
    call.require("in_chans", 3)
    call.require("qk_scale", None)
    for argument in ("drop_rate", "attn_drop_rate"):
        call.require(argument, 0)
    eps = read_layer_norm_eps(call)
    if eps not in (None, 1e-5):
        call.refuse("norm_layer", "only an eps of 1e-05 can be expressed")
    carry(call, draft, tables.SWIN, net=net)
    _recompute(call, "use_checkpoint", draft, net)
    indices = call.take("out_indices")
    named = [f"p{index}" for index in indices]
    carry_value(call, "out_indices", draft, f"{net}.out_features", named)
    frozen = max(call.take("frozen_stages"), -1) + 1
    carry_value(call, "frozen_stages", draft, f"{net}.freeze_at", frozen)
    strides = {f"p{i}": call.take("patch_size") * 2**i for i in range(len(call.take("depths")))}
    found = _known_levels(call, "out_indices", named, strides)
    widths = {name: call.take("embed_dim") * 2 ** int(name[1:]) for name in found.strides}
    return Levels(found.strides, widths)


def _translate_mvit(call: Call, draft: Draft, net: str) -> Levels:
    call.require("in_chans", 3)
    _require_gelu(call)
    carry(call, draft, tables.MVIT, net=net)
    for argument in ("patch_kernel", "patch_stride", "patch_padding", "qkv_pool_kernel"):
        sides = call.take(argument)
        if len(sides) != 2 or sides[0] != sides[1]:
            call.refuse(argument, "both sides are alike")
        else:
            carry_value(call, argument, draft, f"{net}.{argument}", sides[0])
    eps = read_layer_norm_eps(call)
    if eps is not None:
        set_value(draft, f"{net}.norm_eps", eps)
    _recompute(call, "use_act_checkpoint", draft, net)
    num_stages = len(call.take("last_block_indexes"))
    stride = call.take("patch_stride")[0]
    strides = {f"scale{i + 2}": stride * 2**i for i in range(num_stages)}
    found = _known_levels(call, "out_features", call.take("out_features"), strides)
    widths = {name: call.take("embed_dim") * 2 ** (int(name[5:]) - 2) for name in found.strides}
    return Levels(found.strides, widths)


def _known_levels(call: Call, argument: str, named: list[str], strides: dict[str, int]) -> Levels:
    unknown = [name for name in named if name not in strides]
    if unknown or not named:
        what = f"there is no level {unknown[0]!r}" if unknown else "no level is named"
        call.refuse(argument, f"{what}; there are {', '.join(strides)}")
        return NO_LEVELS
    return Levels({name: strides[name] for name in named}, {})


def _require_plain(call: Call) -> None:
    call.require("in_chans", 3)
    _require_gelu(call)
    call.drop("rel_pos_zero_init", "how new weights begin")


def _require_gelu(call: Call) -> None:
    value: Any = call.take("act_layer")
    if getattr(value, "name", "").rpartition(".")[2] != "GELU":
        call.refuse("act_layer", "only torch's GELU can be expressed")


def _recompute(call: Call, argument: str, draft: Draft, net: str) -> None:
    """Computes a network's activations again in the backward pass, where it is asked for."""
    if call.take(argument):
        draft.put_node(net, {"recompute": True})


_TRANSLATIONS: Mapping[str, Callable[[Call, Draft, str], Levels]] = {
    "ResNet": translate_resnet,
    "RegNet": _translate_regnet,
    "SwinTransformer": _translate_swin,
    "MViT": _translate_mvit,
}
