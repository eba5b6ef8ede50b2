"""Checkpoints of torchvision's detectors with the names and the order of detectron2.

Old files and new ones differ: `rpn.head.conv.weight` became `rpn.head.conv.0.0.weight` when
convolutions learned to have a normalisation. Both are known. Legend: K classes.
"""

import re
from collections.abc import Collection, Iterator, Mapping

import torch
from torch import Tensor

_BODY = "backbone.body."
_PYRAMID = "backbone.fpn.inner_blocks."
_LEVEL_CLASSES = "head.classification_head.module_list."

# The deepest stage of a residual network, on which every pyramid of torchvision stands.
_LAST_STAGE = 5

_FIXED = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # The residual network.
        (r"backbone\.body\.conv1", "backbone.bottom_up.stem.conv1"),
        (r"backbone\.body\.bn1", "backbone.bottom_up.stem.conv1.norm"),
        # The pyramid.
        (r"backbone\.fpn\.extra_blocks\.(p\d)", r"backbone.top_block.\1"),
        # The proposals.
        (r"rpn\.head\.cls_logits", "proposal_generator.rpn_head.objectness_logits"),
        (r"rpn\.head\.bbox_pred", "proposal_generator.rpn_head.anchor_deltas"),
        # The regions.
        (r"roi_heads\.box_head\.fc6", "roi_heads.box_head.fc1"),
        (r"roi_heads\.box_head\.fc7", "roi_heads.box_head.fc2"),
        (r"roi_heads\.mask_predictor\.conv5_mask", "roi_heads.mask_head.deconv"),
        (r"roi_heads\.mask_predictor\.mask_fcn_logits", "roi_heads.mask_head.predictor"),
        (
            r"roi_heads\.keypoint_predictor\.kps_score_lowres",
            "roi_heads.keypoint_head.score_lowres",
        ),
        # The heads without proposals. A sequence of single layers keeps its numbers.
        (r"head\.classification_head\.conv\.(\d+)", r"head.cls_subnet.\1"),
        (r"head\.regression_head\.conv\.(\d+)", r"head.bbox_subnet.\1"),
        (r"head\.classification_head\.cls_logits", "head.cls_score"),
        (r"head\.regression_head\.bbox_reg", "head.bbox_pred"),
        (r"head\.regression_head\.bbox_ctrness", "head.ctrness"),
        # The heads of SSD and SSDLite, of a layer or of several for each level.
        (r"head\.classification_head\.module_list\.([\d.]+)", r"head.cls_score.\1"),
        (r"head\.regression_head\.module_list\.([\d.]+)", r"head.bbox_pred.\1"),
    )
)
_STAGE = re.compile(r"backbone\.body\.layer(\d)\.(\d+)\.(?:(conv|bn)(\d)|downsample\.([01]))")
_MOBILE_BLOCK = re.compile(r"backbone\.body\.(\d+\..+)")
_PYRAMID_CONV = re.compile(r"backbone\.fpn\.(inner|layer)_blocks\.(\d)(?:\.([01]))?")
_RPN_CONV = re.compile(r"rpn\.head\.conv(?:\.(\d)\.0)?")
_REGION_CONV = re.compile(r"roi_heads\.(box|mask)_head\.(\d)\.([01])")
_REGION_FC = re.compile(r"roi_heads\.box_head\.(\d+)")
_KEYPOINT_CONV = re.compile(r"roi_heads\.keypoint_head\.(\d+)")
# The last layer of a level's class predictions: the only one, or the second of two.
_LEVEL_PREDICTOR = re.compile(r"head\.cls_score\.(\d+(?:\.1)?\.(?:weight|bias))")
_DENSE_CONV = re.compile(r"head\.(classification|regression)_head\.conv\.(\d)\.([01])")


def is_detector(keys: Collection[str]) -> bool:
    """Whether these are the names of an SSD, or of a detector on a network with a pyramid."""
    if any(key.startswith(_LEVEL_CLASSES) for key in keys):
        return True
    return any(key.startswith(_BODY) for key in keys) and any(
        key.startswith(_PYRAMID) for key in keys
    )


class DetectorNames:
    """What detectron2 calls the weights of one file.

    Args:
        keys: all keys of the file: some names depend on what else there is.
    """

    def __init__(self, keys: Collection[str]) -> None:
        layers = {key.rpartition(".")[0] for key in keys}
        self._is_residual = not any(_matches(_MOBILE_BLOCK, layers))
        self._num_levels = len({m[2] for m in _matches(_PYRAMID_CONV, layers)})
        self._num_rpn_convs = len({m[1] for m in _matches(_RPN_CONV, layers)})
        self._first_fc = min((int(m[1]) for m in _matches(_REGION_FC, layers)), default=0)
        self._dense_norm = any(m[3] == "1" for m in _matches(_DENSE_CONV, layers))

    def rename(self, key: str) -> str:
        """Returns the new name of a weight; an unknown one keeps its name."""
        layer, _, parameter = key.rpartition(".")
        return f"{self._rename_layer(layer)}.{parameter}" if layer else key

    def lacks_bias(self, layer: str) -> bool:
        """Whether a layer, by its new name, has no bias in the file, but needs one here."""
        parts = layer.split(".")
        return self._dense_norm and parts[0] == "head" and parts[-1].isdigit()

    def _rename_layer(self, layer: str) -> str:
        if match := _STAGE.fullmatch(layer):
            stage, block, kind, number, shortcut = match.groups()
            name = f"conv{number}" if kind else "shortcut"
            norm = ".norm" if kind == "bn" or shortcut == "1" else ""
            return f"backbone.bottom_up.res{int(stage) + 1}.{block}.{name}{norm}"
        if match := _MOBILE_BLOCK.fullmatch(layer):
            return f"backbone.bottom_up.features.{match[1]}"
        if match := _PYRAMID_CONV.fullmatch(layer):
            return self._rename_pyramid_conv(match)
        if match := _RPN_CONV.fullmatch(layer):
            conv = "conv" if self._num_rpn_convs == 1 else f"conv.conv{match[1]}"
            return f"proposal_generator.rpn_head.{conv}"
        return self._rename_head(layer)

    def _rename_pyramid_conv(self, match: re.Match[str]) -> str:
        if not self._is_residual:  # levels of one stride: torchvision's own pyramid
            return f"backbone.fpn.{match[1]}_blocks.{match[2]}.{match[3] or 0}"
        level = _LAST_STAGE + 1 - self._num_levels + int(match[2])
        kind = "lateral" if match[1] == "inner" else "output"
        return f"backbone.fpn_{kind}{level}{_norm(match[3])}"

    def _rename_head(self, layer: str) -> str:
        if match := _REGION_CONV.fullmatch(layer):
            name = "conv" if match[1] == "box" else "mask_fcn"
            return f"roi_heads.{match[1]}_head.{name}{int(match[2]) + 1}{_norm(match[3])}"
        if match := _REGION_FC.fullmatch(layer):
            # Every layer of numbers is followed by a ReLU, which counts as a layer.
            number = (int(match[1]) - self._first_fc) // 2 + 1
            return f"roi_heads.box_head.fc{number}"
        if match := _KEYPOINT_CONV.fullmatch(layer):
            return f"roi_heads.keypoint_head.conv_fcn{int(match[1]) // 2 + 1}"
        if match := _DENSE_CONV.fullmatch(layer):
            subnet = "cls" if match[1] == "classification" else "bbox"
            layers_per_conv = 3 if self._dense_norm else 2
            number = int(match[2]) * layers_per_conv + int(match[3])
            return f"head.{subnet}_subnet.{number}"
        for pattern, replacement in _FIXED:
            if found := pattern.fullmatch(layer):
                return found.expand(replacement)
        return layer


def _matches(pattern: re.Pattern[str], layers: Collection[str]) -> Iterator[re.Match[str]]:
    return (match for layer in layers if (match := pattern.fullmatch(layer)))


def _norm(position: str | None) -> str:
    """Returns what a normalisation is called: it is the second of two layers."""
    return ".norm" if position == "1" else ""


_COORDINATES = 4


class TorchvisionMapping:
    """The key mapping of torchvision: of all its detectors."""

    name = "torchvision"
    matches_by_suffix = False

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether these are names of one of torchvision's detectors."""
        return is_detector(keys)

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as detectron2 names and orders them."""
        names = DetectorNames(tensors.keys())
        renamed = {}
        for key, tensor in tensors.items():
            name = names.rename(key)
            renamed[name] = reorder_background(name, tensor)
        return _reorder_levels(renamed) | _zero_biases(names, renamed)


def reorder_background(name: str, tensor: Tensor) -> Tensor:
    """Returns a predictor's weight or bias with the background where detectron2 has it.

    torchvision's R-CNNs count the background as class 0, detectron2 last. Boxes and masks of the
    background are never used, and detectron2 does not predict them.

    Args:
        name: detectron2's name of the tensor.
        tensor: its first dimension counts K + 1 classes, or four coordinates of each.
    """
    if name.startswith("roi_heads.box_predictor.cls_score."):
        return torch.cat([tensor[1:], tensor[:1]])
    if name.startswith("roi_heads.box_predictor.bbox_pred."):
        return tensor[_COORDINATES:]
    if name.startswith("roi_heads.mask_head.predictor."):
        return tensor[1:]
    return tensor


def _reorder_levels(renamed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns all tensors, the class predictors of an SSD with the background last.

    A cell has several default boxes, as many as the offsets of boxes say. Without these a class
    predictor cannot be reordered: it is left out, and so reported as missing.
    """
    reordered = dict(renamed)
    for name, tensor in renamed.items():
        if match := _LEVEL_PREDICTOR.fullmatch(name):
            del reordered[name]
            if (boxes := renamed.get(f"head.bbox_pred.{match[1]}")) is not None:
                classes = tensor.reshape(len(boxes) // _COORDINATES, -1, *tensor.shape[1:])
                reordered[name] = classes.roll(-1, dims=1).reshape(tensor.shape)
    return reordered


def _zero_biases(names: DetectorNames, renamed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns biases of zero for convolutions before a normalisation, which have one here."""
    layers = [name.removesuffix(".weight") for name in renamed if name.endswith(".weight")]
    return {
        f"{layer}.bias": torch.zeros_like(renamed[f"{layer}.weight"][:, 0, 0, 0])
        for layer in layers
        if names.lacks_bias(layer) and f"{layer}.bias" not in renamed
    }
