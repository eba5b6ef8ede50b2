"""How many numbers the lists of a configuration have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from composer.importing.config import Config

_LABELS = (-1, 0, 1)


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
