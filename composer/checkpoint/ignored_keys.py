"""Keys that checkpoints have and that are nobody's weights."""

from __future__ import annotations

import re

# detectron2 stores what it computes from the configuration (once the pixels' mean and the anchors,
# still how likely LVIS classes are drawn); torch counts batches, which nothing reads as long as
# the momentum of a batch norm is fixed.
_NOT_WEIGHTS = re.compile(
    r"(?:.+\.)?(?:pixel_mean|pixel_std|anchor_generator\.cell_anchors(?:\..+)?|num_batches_tracked"
    r"|fed_loss_cls_weights)"
)

# What a detector has no use for in a backbone that was trained to classify ImageNet, and
# Detectron1's fixed upsampling of keypoint maps. Caffe gave the stem of ResNet a bias of zeros.
_CLASSIFIER = re.compile(
    r"(?:fc1000|stem\.fc|head\.fc|linear|fc)\.(?:weight|bias)"
    r"|stem\.conv1\.bias|keypoint_head\.score\.(?:weight|bias)"
)


def is_ignored(key: str, *, by_suffix: bool) -> bool:
    """Whether a key that no node wants is no reason for concern.

    Args:
        key: the key as detectron2 would name it.
        by_suffix: the checkpoint is one that is matched by suffix.
    """
    if _NOT_WEIGHTS.fullmatch(key):
        return True
    return by_suffix and _CLASSIFIER.fullmatch(key) is not None


def may_be_missing(name: str) -> bool:
    """Whether a module does as well without `name` in the file."""
    return name.rpartition(".")[2] == "num_batches_tracked"
