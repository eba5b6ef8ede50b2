"""From a configuration's backbone to addresses of ours."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from composer.importing import addresses
from composer.importing.architecture import Architecture
from composer.importing.carrying import carry, require_levels
from composer.importing.config import Config
from composer.importing.draft import Draft

_STRIDES: Mapping[str, int] = {"res2": 4, "res3": 8, "res4": 16, "res5": 32}
_BASIC = (18, 34)
_BASIC_CHANNELS = 64


def translate_backbone(config: Config, draft: Draft, model: Architecture) -> list[str]:
    """Sets what the backbone is, and returns the names of its levels."""
    net = "backbone.bottom_up" if model.has_pyramid else "backbone"
    carry(config, draft, addresses.RESNET, net=net)
    _check_network(config, model)
    stages = list(config.take("MODEL.RESNETS.OUT_FEATURES"))
    if not require_levels(config, "MODEL.RESNETS.OUT_FEATURES", list(_STRIDES)):
        return []
    return _translate_pyramid(config, draft, model, stages) if model.has_pyramid else stages


def _check_network(config: Config, model: Architecture) -> None:
    """Notes what detectron2's networks cannot be either."""
    deforms = config.take("MODEL.RESNETS.DEFORM_ON_PER_STAGE")
    if len(deforms) != len(_STRIDES):
        config.refuse("MODEL.RESNETS.DEFORM_ON_PER_STAGE", "there are four stages, res2 to res5")
    elif model.heads == "Res5ROIHeads" and deforms[-1]:
        config.refuse("MODEL.RESNETS.DEFORM_ON_PER_STAGE", "regions' res5 is never deformable")
    if config.take("MODEL.RESNETS.DEPTH") not in _BASIC:
        return
    because = "a ResNet-18 or -34 has no bottlenecks"
    wanted = _BASIC_CHANNELS
    config.require("MODEL.RESNETS.RES2_OUT_CHANNELS", wanted, because=f"{because}: {wanted}")
    config.require("MODEL.RESNETS.NUM_GROUPS", 1, because=because)
    config.require("MODEL.RESNETS.RES5_DILATION", 1, because=because)
    if any(deforms):
        config.refuse("MODEL.RESNETS.DEFORM_ON_PER_STAGE", because)


def _translate_pyramid(
    config: Config, draft: Draft, model: Architecture, stages: list[str]
) -> list[str]:
    carry(config, draft, addresses.PYRAMID)
    key = "MODEL.FPN.IN_FEATURES"
    if not require_levels(config, key, stages):
        return []
    levels = config.take(key)
    strides = [_STRIDES[name] for name in levels]
    if any(coarse != 2 * fine for fine, coarse in pairwise(strides)):
        config.refuse(key, "each level has half the resolution of the one before it")
    if levels[-1] == "res5":
        because = "a pyramid's levels differ in resolution"
        config.require("MODEL.RESNETS.RES5_DILATION", 1, because=because)
    if levels != stages:
        draft.set("backbone.fpn.in_features", levels)
    draft.set("preprocess.size_divisibility", strides[-1])
    num_tops = 2 if "retinanet" in model.backbone else 1
    finest = int(levels[0].removeprefix("res"))
    return [f"p{finest + index}" for index in range(len(levels) + num_tops)]
