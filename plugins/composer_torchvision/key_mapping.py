"""Checkpoints of torchvision's detectors with the names and the order of detectron2.

Legend: K classes.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from composer_torchvision.detector_names import DetectorNames, is_detector

_COORDINATES = 4


class TorchvisionMapping:
    """The key mapping of torchvision: of its R-CNNs, RetinaNets and FCOS on residual networks."""

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
        return renamed | _zero_biases(names, renamed)


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


def _zero_biases(names: DetectorNames, renamed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns biases of zero for convolutions before a normalisation, which have one here."""
    layers = [name.removesuffix(".weight") for name in renamed if name.endswith(".weight")]
    return {
        f"{layer}.bias": torch.zeros_like(renamed[f"{layer}.weight"][:, 0, 0, 0])
        for layer in layers
        if names.lacks_bias(layer) and f"{layer}.bias" not in renamed
    }
