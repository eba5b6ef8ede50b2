"""Caffe2, Detectron1 and MSRA checkpoints with the names and the order of detectron2."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from composer.checkpoint.caffe2_names import MOMENTUM, is_caffe2, rename_blob
from composer.errors import CheckpointError

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
