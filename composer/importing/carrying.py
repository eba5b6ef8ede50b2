"""Sets the addresses that keys of a configuration stand for, and checks their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from composer.importing.addresses import Addresses
from composer.importing.config import Config, default_values
from composer.importing.draft import Draft, UnknownAddressError

_NORMS = ("", "BN", "SyncBN", "FrozenBN", "GN", "LN")
_SAME_NORMS = {"nnSyncBN": "SyncBN", "naiveSyncBN": "SyncBN"}  # the same up to who computes it
_LABELS = (-1, 0, 1)
_ALL = 2**31 - 1  # detections of an image: what a negative number means
# Defaults of node types that are not detectron2's.
_OWN_DEFAULTS: Mapping[str, Any] = {"MODEL.RETINANET.SMOOTH_L1_LOSS_BETA": 0.0}
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "DEPTH": (18, 34, 50, 101, 152),
    "RES5_DILATION": (1, 2),
    "FUSE_TYPE": ("sum", "avg"),
    "NORM": (*_NORMS, *_SAME_NORMS),
    "POOLER_TYPE": ("ROIAlignV2", "ROIAlign", "ROIPool"),
    "BBOX_REG_LOSS_TYPE": ("smooth_l1", "giou", "diou", "ciou"),
}


def carry(config: Config, draft: Draft, table: Addresses, **names: str) -> None:
    """Sets all addresses of a table.

    Args:
        config: the configuration.
        draft: where to.
        table: the address of each key.
        names: replacements of `{name}` in the addresses.
    """
    for key, address in table.items():
        carry_value(config, draft, key, address.format(**names), config.take(key))


def carry_value(config: Config, draft: Draft, key: str, address: str, value: Any) -> None:
    """Sets the address that a key stands for; notes a value that it cannot have."""
    choices = _CHOICES.get(key.rpartition(".")[2])
    if choices is not None:
        config.require(key, *choices)
    if key.endswith(".NORM"):
        value = _SAME_NORMS.get(value, value)
    if key == "TEST.DETECTIONS_PER_IMAGE" and value < 0:
        value = _ALL
    try:
        draft.set(address, value, _OWN_DEFAULTS.get(key, default_values()[key]), key=key)
    except UnknownAddressError as error:
        if not config.is_default(key):
            config.refuse(key, f"this model cannot express it: {error}")


def require_alike_levels(config: Config, key: str, levels: Sequence[str]) -> bool:
    """The same as `require_levels`, where all levels must have the same channels."""
    if not require_levels(config, key, levels):
        return False
    named = config.take(key)
    is_alike = len(named) == 1 or levels[0].startswith("p")
    if not is_alike:
        config.refuse(key, "levels of a residual network differ in channels: name one")
    return is_alike


def require_levels(config: Config, key: str, levels: Sequence[str]) -> bool:
    """Whether a key names levels that there are; notes it if not, unless none are known at all."""
    named = config.take(key)
    if not levels:
        return False
    unknown = [name for name in named if name not in levels]
    if unknown or not named:
        what = f"there is no level {unknown[0]!r}" if unknown else "no level is named"
        config.refuse(key, f"{what}; there are {', '.join(levels)}")
    return bool(named) and not unknown


def check_matching(config: Config, section: str) -> None:
    """Notes thresholds that do not ascend, and labels that are not one more than these."""
    thresholds = config.take(f"{section}.IOU_THRESHOLDS")
    labels = config.take(f"{section}.IOU_LABELS")
    if any(low > high for low, high in pairwise(thresholds)):
        config.refuse(f"{section}.IOU_THRESHOLDS", "thresholds ascend")
    if len(labels) != len(thresholds) + 1:
        wanted = len(thresholds) + 1
        config.refuse(f"{section}.IOU_LABELS", f"{wanted} were expected, one more than thresholds")
    elif not all(label in _LABELS for label in labels):
        config.refuse(f"{section}.IOU_LABELS", "a label is 1, 0 or -1")


def check_box_weights(config: Config, key: str, weights: Sequence[Any], wanted: int) -> None:
    """Notes weights of box offsets that are not as many as the offsets of a box."""
    if len(weights) != wanted:
        config.refuse(key, f"a box has {wanted} offsets, and a weight for each")
