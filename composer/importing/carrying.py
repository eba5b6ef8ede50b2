"""Turns the knobs of a spec that keys of a configuration stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.importing.config import Config, default_values
from composer.importing.draft import Draft, NoKnobError
from composer.importing.knobs import Knobs

_NORMS = ("", "BN", "SyncBN", "FrozenBN", "GN", "LN")
_SAME_NORMS = {"nnSyncBN": "SyncBN", "naiveSyncBN": "SyncBN"}  # the same up to who computes it
_ALL = 2**31 - 1  # detections of an image: what a negative number means
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "DEPTH": (18, 34, 50, 101, 152),
    "RES5_DILATION": (1, 2),
    "FUSE_TYPE": ("sum", "avg"),
    "NORM": (*_NORMS, *_SAME_NORMS),
    "POOLER_TYPE": ("ROIAlignV2", "ROIAlign", "ROIPool"),
    "BBOX_REG_LOSS_TYPE": ("smooth_l1", "giou", "diou", "ciou"),
}


def carry(config: Config, draft: Draft, table: Knobs, **names: str) -> None:
    """Turns all knobs of a table.

    Args:
        config: what is carried.
        draft: where to.
        table: the knob of each key.
        names: what stands for `{name}` in the knobs.
    """
    for key, knob in table.items():
        turn(config, draft, key, knob.format(**names), config.take(key))


def turn(config: Config, draft: Draft, key: str, knob: str, value: Any) -> None:
    """Turns the knob that a key stands for; notes a value that it cannot have."""
    choices = _CHOICES.get(key.rpartition(".")[2])
    if choices is not None:
        config.require(key, *choices)
    if key.endswith(".NORM"):
        value = _SAME_NORMS.get(value, value)
    if key == "TEST.DETECTIONS_PER_IMAGE" and value < 0:
        value = _ALL
    try:
        draft.set(knob, value, default_values()[key])
    except NoKnobError as error:
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
