"""Account of every key of a configuration: used, default, or not carried over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from composer.importing.config import Config

_AROUND = {
    "SOLVER.": "how the optimizer learns",
    "DATALOADER.": "how training data is loaded",
    "DATASETS.": "what data there is",
    "INPUT.": "how training data is prepared",
    "TEST.": "how results are evaluated",
    "MODEL.DEVICE": "where it runs: --device",
    "MODEL.WEIGHTS": "which checkpoint to begin with: --weights",
    "MODEL.LOAD_PROPOSALS": "how training data is loaded",
    "MODEL.ROI_KEYPOINT_HEAD.MIN_KEYPOINTS_PER_IMAGE": "which training data counts",
    "MODEL.PANOPTIC_FPN.COMBINE.ENABLED": "outputs are chosen by --until",
    "CUDNN_BENCHMARK": "how it runs",
    "FLOAT32_PRECISION": "how it runs",
    "GLOBAL.HACK": "of no meaning",
    "OUTPUT_DIR": "how it runs",
    "SEED": "how it runs: --seed",
    "VERSION": "the version of the configuration",
    "VIS_PERIOD": "how it runs",
}


@dataclass(frozen=True)
class Account:
    """Every key of a configuration, in exactly one of three places.

    Args:
        used: keys that the spec says the same as.
        default: keys that the spec has no use for, and that say nothing of their own either.
        not_carried_over: keys that say something of their own that no spec says, with the reason.
        values: the value of each key.
        wanted: requirements beyond the configuration, by the key that causes them.
        assumed: what keys were taken for, where a configuration does not say all of it.
    """

    used: tuple[str, ...]
    default: tuple[str, ...]
    not_carried_over: Mapping[str, str]
    values: Mapping[str, Any]
    wanted: Mapping[str, str] = field(default_factory=dict)
    assumed: Mapping[str, str] = field(default_factory=dict)


def make_account(config: Config) -> Account:
    """Accounts for every key; one that nothing is known about goes into the log as a problem."""
    default: list[str] = []
    left: dict[str, str] = {}
    for key in sorted(config.values):
        if key in config.used:
            continue
        if config.is_default(key):
            default.append(key)
        elif reason := _reason(config, key):
            left[key] = reason
        else:
            config.refuse(key, "this model cannot express it")
    used = tuple(sorted(config.used))
    return Account(used, tuple(default), left, dict(config.values), dict(config.wanted))


def _reason(config: Config, key: str) -> str:
    if key in config.dropped:
        return config.dropped[key]
    for prefix, reason in _AROUND.items():
        if key.startswith(prefix):
            return reason
    section = ".".join(key.split(".")[:2]) + "."
    if not key.startswith("MODEL.") or any(one.startswith(section) for one in config.used):
        return ""
    if key in ("MODEL.MASK_ON", "MODEL.KEYPOINT_ON"):
        return "this model has no region heads"
    return "this model has no such part" if key.count(".") > 1 else ""
