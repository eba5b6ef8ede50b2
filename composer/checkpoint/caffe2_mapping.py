"""Caffe2, Detectron1 and MSRA checkpoints with the names and the order of detectron2.

A blob is called `<layer>[_<norm>]_<parameter>`: `res2_0_branch2a_bn_s` is the scale of the batch
norm after the first convolution of the first block of res2, `fpn_inner_res5_2_sum_w` the weight
of the lateral convolution over res5. New names are endings of keys; where in a model they
belong is left to suffix matching.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from composer.errors import CheckpointError

MOMENTUM = "_momentum"

_BLOB = re.compile(
    r"(?P<layer>.+?)"
    r"(?:_(?P<norm>bn|gn)_(?P<statistic>s|b|rm|riv|gamma|beta|running_mean|running_var)"
    r"|_(?P<parameter>w|b))"
)
_STATISTICS = {
    "s": "weight",
    "gamma": "weight",
    "b": "bias",
    "beta": "bias",
    "rm": "running_mean",
    "running_mean": "running_mean",
    "riv": "running_var",
    "running_var": "running_var",
}
_PARAMETERS = {"w": "weight", "b": "bias"}

_LAYERS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # ResNet: `res_conv1` is how MSRA calls the norm of the stem.
        (r"(?:res_)?conv1", "stem.conv1"),
        (r"res(\d)_(\d+)_branch1", r"res\1.\2.shortcut"),
        (r"res(\d)_(\d+)_branch2a", r"res\1.\2.conv1"),
        (r"res(\d)_(\d+)_branch2b", r"res\1.\2.conv2"),
        (r"res(\d)_(\d+)_branch2c", r"res\1.\2.conv3"),
        # FPN: every lateral convolution but the topmost says so.
        (r"fpn_inner_res(\d)_\d+_sum(?:_lateral)?", r"fpn_lateral\1"),
        (r"fpn_res(\d)_\d+_sum", r"fpn_output\1"),
        (r"fpn_([67])", r"top_block.p\1"),
        # RPN: with an FPN, one head serves all levels and is named after the finest.
        (r"conv_rpn(?:_fpn2)?", "rpn_head.conv"),
        (r"rpn_cls_logits(?:_fpn2)?", "rpn_head.objectness_logits"),
        (r"rpn_bbox_pred(?:_fpn2)?", "rpn_head.anchor_deltas"),
        # Boxes
        (r"fc6", "box_head.fc1"),
        (r"fc7", "box_head.fc2"),
        (r"head_conv(\d)", r"box_head.conv\1"),
        (r"cls_score", "box_predictor.cls_score"),
        (r"bbox_pred", "box_predictor.bbox_pred"),
        # Masks and keypoints
        (r"_(?:\[mask\]|mask)_fcn(\d)", r"mask_head.mask_fcn\1"),
        (r"conv5_mask", "mask_head.deconv"),
        (r"mask_fcn_logits", "mask_head.predictor"),
        (r"conv_fcn(\d)", r"keypoint_head.conv_fcn\1"),
        (r"kps_score_lowres", "keypoint_head.score_lowres"),
        (r"kps_score", "keypoint_head.score"),
        # RetinaNet: one head serves all levels and is named after the finest.
        (r"retnet_cls_pred_fpn3", "head.cls_score"),
        (r"retnet_bbox_pred_fpn3", "head.bbox_pred"),
    )
)
# A subnet of RetinaNet alternates convolutions and activations: convolution n is module 2n.
_RETINA_SUBNET = re.compile(r"retnet_(cls|bbox)_conv_n(\d)_fpn3")


def is_caffe2(keys: Collection[str]) -> bool:
    """Whether these are names of blobs: none has a dot, and most end as blobs do."""
    if not keys or any("." in key for key in keys):
        return False
    num_blobs = sum(_BLOB.fullmatch(key.removesuffix(MOMENTUM)) is not None for key in keys)
    return 2 * num_blobs > len(keys)


def rename_blob(blob: str) -> str:
    """The name of a blob in detectron2: `conv1_w` is `stem.conv1.weight`.

    A blob of an unknown layer keeps the layer's name (`fc1000_w` is `fc1000.weight`), and one
    that is no parameter its whole name.
    """
    parts = _BLOB.fullmatch(blob)
    if parts is None:
        return blob
    layer = _rename_layer(parts["layer"])
    if parts["norm"]:
        return f"{layer}.norm.{_STATISTICS[parts['statistic']]}"
    return f"{layer}.{_PARAMETERS[parts['parameter']]}"


def _rename_layer(layer: str) -> str:
    if subnet := _RETINA_SUBNET.fullmatch(layer):
        return f"head.{subnet[1]}_subnet.{2 * int(subnet[2])}"
    for pattern, replacement in _LAYERS:
        if match := pattern.fullmatch(layer):
            return match.expand(replacement)
    return layer


_COORDINATES = 4


class Caffe2Mapping:
    """The `KeyMapping` of Caffe2."""

    name = "caffe2"
    matches_by_suffix = True

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether these are names of Caffe2 blobs."""
        return is_caffe2(keys)

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The blobs as detectron2 names and orders them, without the optimizer's momentum.

        Raises:
            CheckpointError: two blobs are the same parameter.
        """
        origins: dict[str, str] = {}
        renamed: dict[str, Tensor] = {}
        for blob, tensor in tensors.items():
            if blob.endswith(MOMENTUM):
                continue
            name = rename_blob(blob)
            if name in renamed:
                raise CheckpointError(
                    f"The blobs '{origins[name]}' and '{blob}' are both '{name}'."
                )
            origins[name] = blob
            renamed[name] = reorder_background(name, tensor)
        return renamed | _neutral_statistics(origins, renamed)


def reorder_background(name: str, tensor: Tensor) -> Tensor:
    """A predictor's weight or bias with the background where detectron2 has it.

    Detectron1 counts the background as class 0. detectron2 counts it last for the classes,
    and predicts neither boxes nor masks for it.

    Args:
        name: detectron2's name for the tensor.
        tensor: its first dimension counts classes, or four coordinates a class.
    """
    if name.startswith("box_predictor.cls_score."):
        return torch.cat([tensor[1:], tensor[:1]])
    if name.startswith("box_predictor.bbox_pred.") and len(tensor) > _COORDINATES:
        return tensor[_COORDINATES:]
    if name.startswith("mask_head.predictor.") and len(tensor) > 1:
        return tensor[1:]
    return tensor


def _neutral_statistics(
    origins: Mapping[str, str], renamed: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Mean 0 and variance 1 for batch norms that were stored as a scale and a bias."""
    neutral = {}
    for name, blob in origins.items():
        if not blob.endswith("_bn_s"):
            continue
        layer = name.removesuffix(".weight")
        neutral[f"{layer}.running_mean"] = torch.zeros_like(renamed[name])
        neutral[f"{layer}.running_var"] = torch.ones_like(renamed[name])
    return {name: tensor for name, tensor in neutral.items() if name not in renamed}
