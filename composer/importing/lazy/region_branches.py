"""From the poolers, masks and keypoints of a lazy configuration to addresses of ours."""

from __future__ import annotations

from composer.importing.draft import Draft
from composer.importing.lazy import tables
from composer.importing.lazy.calls import Call
from composer.importing.lazy.carrying import (
    carry,
    carry_value,
    check_levels,
    check_shape,
    check_value,
    set_value,
    value_at,
)
from composer.importing.lazy.levels import Levels
from composer.importing.lazy.norms import read_norm

_BOX_SIZE = "roi_heads.canonical_box_size"
_KEYPOINTS = "roi_heads.keypoint_loss"


def translate_pooler(
    heads: Call, argument: str, draft: Draft, head: str, levels: Levels, named: list[str]
) -> int | None:
    """Sets how regions are pooled, and returns the side of the grid.

    Args:
        heads: the region heads.
        argument: their pooler.
        draft: where to.
        head: what it pools for, as the address has it: `box`, `mask` ...
        levels: the levels that there are.
        named: those that it looks at.
    """
    pooler = heads.call(argument, "ROIPooler")
    if pooler is None:
        if not heads.has(argument):
            key = heads.key_of(argument)
            heads.config.note(key, f"{key}: a head without a pooler cannot be expressed")
        return None
    carry(pooler, draft, tables.POOLER, head=head)
    if named and set(named) <= set(levels.names):
        scales = [1 / levels.strides[name] for name in named]
        check_value(pooler, "scales", scales, "one over the stride of each level")
    else:
        pooler.take("scales")
    size = pooler.take("canonical_box_size")
    if head == "mask" and value_at(draft, _BOX_SIZE) != size:
        pooler.refuse("canonical_box_size", "boxes and masks have it in common")
    carry_value(pooler, "canonical_box_size", draft, _BOX_SIZE, size)
    side = pooler.take("output_size")
    return side if isinstance(side, int) else None


def translate_masks(
    heads: Call, draft: Draft, levels: Levels, named: list[str], channels: int | None = None
) -> None:
    """Sets the mask branch."""
    if "mask_pooler" in heads.signature:
        _check_alike(heads, "mask_in_features", levels, named)
        translate_pooler(heads, "mask_pooler", draft, "mask", levels, named)
        channels = levels.channels_of(named)
    head = heads.call("mask_head", "MaskRCNNConvUpsampleHead")
    if head is None:
        return
    check_shape(head, "input_shape", channels, "these come in")
    dims = head.take("conv_dims")
    if not dims:
        head.refuse("conv_dims", "the last one is of the upsampling, and always there")
        return
    *convs, deconv = dims
    if len(set(dims)) == 1:
        set_value(draft, "roi_heads.mask_conv_dim", deconv)
    set_value(draft, "roi_heads.mask_head.conv_dims", convs)
    set_value(draft, "roi_heads.mask_head.deconv_dim", deconv)
    norm = read_norm(head, "conv_norm")
    carry_value(head, "conv_norm", draft, "roi_heads.mask_head.norm", norm)
    num_classes = heads.take("num_classes")
    is_agnostic = head.take("num_classes") == 1 and num_classes != 1
    if not is_agnostic:
        check_value(head, "num_classes", num_classes, "the heads have as many")
    set_value(draft, "roi_heads.mask_head.cls_agnostic_mask", is_agnostic)
    weight = head.take("loss_weight")
    carry_value(head, "loss_weight", draft, "roi_heads.mask_loss.loss_weight", weight)
    head.drop("vis_period", "how it runs")


def translate_keypoints(heads: Call, draft: Draft, levels: Levels, named: list[str]) -> None:
    """Sets the keypoint branch."""
    _check_alike(heads, "keypoint_in_features", levels, named)
    translate_pooler(heads, "keypoint_pooler", draft, "keypoint", levels, named)
    head = heads.call("keypoint_head", "KRCNNConvDeconvUpsampleHead")
    if head is None:
        return
    check_shape(head, "input_shape", levels.channels_of(named), "these come in")
    number = head.take("num_keypoints")
    carry_value(head, "num_keypoints", draft, "roi_heads.num_keypoints", number)
    dims = head.take("conv_dims")
    if dims and len(set(dims)) == 1:
        set_value(draft, "roi_heads.keypoint_conv_dim", dims[0])
    set_value(draft, "roi_heads.keypoint_head.conv_dims", dims)
    _carry_normalizer(heads, head, draft)


def _carry_normalizer(heads: Call, head: Call, draft: Draft) -> None:
    """Sets what the loss is divided by: visible keypoints, or a number for each image.

    Ours is the number of keypoints that are expected; another one is a weight of the loss.
    """
    weight, normalizer = head.take("loss_weight"), head.take("loss_normalizer")
    is_visible = normalizer == "visible"
    if not is_visible and (isinstance(normalizer, str) or normalizer <= 0):
        head.refuse("loss_normalizer", "'visible' or a number above 0 was expected")
        return
    if not is_visible:
        expected = heads.take("batch_size_per_image") * heads.take("positive_fraction")
        weight *= expected * head.take("num_keypoints") / normalizer
    address = f"{_KEYPOINTS}.normalize_loss_by_visible_keypoints"
    carry_value(head, "loss_normalizer", draft, address, is_visible)
    carry_value(head, "loss_weight", draft, f"{_KEYPOINTS}.loss_weight", weight)


def _check_alike(heads: Call, argument: str, levels: Levels, named: list[str]) -> None:
    if check_levels(heads, argument, levels.names) != named:
        heads.refuse(argument, f"{named!r} was expected: all heads look at the same levels")
