"""From a configuration's PointRend heads to addresses of ours."""

from __future__ import annotations

from typing import Any

from composer.importing import addresses
from composer.importing.architecture import Architecture
from composer.importing.carrying import carry, require_levels
from composer.importing.config import Config
from composer.importing.draft import Draft

_POINTS = "MODEL.POINT_HEAD"
_MASK = "MODEL.ROI_MASK_HEAD"
_MASK_HEAD, _PIXEL_HEAD = "roi_heads.mask_head", "sem_seg_head"
_SHIPPED_OF_MASKS, _SHIPPED_OF_PIXELS = 3, 2  # subdivisions of the blocks that ship


def translate_mask_points(
    config: Config, draft: Draft, model: Architecture, levels: list[str]
) -> None:
    """Sets the coarse head of masks, the head of points, and the number of subdivisions."""
    config.require(f"{_MASK}.POINT_HEAD_ON", True)
    carry(config, draft, addresses.COARSE_MASK)
    carry(config, draft, addresses.MASK_POINTS)
    _translate_head(config, draft, _MASK_HEAD, "MODEL.ROI_HEADS.NUM_CLASSES")
    layers = [config.take(f"{_MASK}.FC_DIM")] * config.take(f"{_MASK}.NUM_FC")
    if not layers:
        config.refuse(f"{_MASK}.NUM_FC", "the coarse head has one layer at least")
    draft.set(f"{_MASK_HEAD}.coarse_head.fc_dims", layers, [1024, 1024])
    for key in (f"{_MASK}.IN_FEATURES", f"{_POINTS}.IN_FEATURES"):
        require_levels(config, key, levels)
    if config.take(f"{_MASK}.POOLER_RESOLUTION") % 2:
        config.refuse(f"{_MASK}.POOLER_RESOLUTION", "the coarse head halves it")
    for name in ("NORM", "NUM_CONV", "POOLER_TYPE", "POOLER_SAMPLING_RATIO", "CLS_AGNOSTIC_MASK"):
        config.drop(f"{_MASK}.{name}", "PointRendMaskHead does not look at it")
    if not model.renders_pixels:
        config.drop(f"{_POINTS}.COARSE_SEM_SEG_HEAD_NAME", "PointRendMaskHead does not look at it")
    side, steps = _count_mask_steps(config)
    draft.set(f"{_MASK_HEAD}.grid.side", side, 28)
    wires = {name: name for name in ("features", "boxes", "classes")}
    _fit_steps(config, draft, _MASK_HEAD, _SHIPPED_OF_MASKS, steps, wires)


def drop_mask_points(config: Config) -> None:
    """Notes the keys that only PointRend's mask head looks at."""
    names = ("FC_DIM", "NUM_FC", "IN_FEATURES", "OUTPUT_SIDE_RESOLUTION", "POINT_HEAD_ON")
    for name in names:
        config.drop(f"{_MASK}.{name}", "only PointRendMaskHead looks at it")


def translate_pixel_points(config: Config, draft: Draft, levels: list[str]) -> None:
    """Sets the coarse head of pixels, the head of points, and the number of subdivisions."""
    config.require(f"{_POINTS}.COARSE_SEM_SEG_HEAD_NAME", "SemSegFPNHead")
    config.require(f"{_POINTS}.CLS_AGNOSTIC_MASK", False, because="pixels have classes")
    carry(config, draft, addresses.COARSE_PIXELS)
    carry(config, draft, addresses.PIXEL_POINTS)
    ignored = "MODEL.SEM_SEG_HEAD.IGNORE_VALUE"
    draft.set("point_loss.ignore_value", config.take(ignored), 255)
    _translate_head(config, draft, _PIXEL_HEAD, "MODEL.SEM_SEG_HEAD.NUM_CLASSES")
    require_levels(config, f"{_POINTS}.IN_FEATURES", levels)
    steps = config.take(f"{_POINTS}.SUBDIVISION_STEPS")
    if steps < 0:
        config.refuse(f"{_POINTS}.SUBDIVISION_STEPS", "there cannot be fewer than none")
    _fit_steps(config, draft, _PIXEL_HEAD, _SHIPPED_OF_PIXELS, steps, {"features": "features"})


def _translate_head(config: Config, draft: Draft, head: str, classes: str) -> None:
    config.require(f"{_POINTS}.NAME", "StandardPointHead")
    number = config.take(classes)
    config.require(f"{_POINTS}.NUM_CLASSES", number, because=f"{classes} is {number}")
    layers = [config.take(f"{_POINTS}.FC_DIM")] * config.take(f"{_POINTS}.NUM_FC")
    draft.set(f"{head}.point_head.fc_dims", layers, [256, 256, 256])
    if config.take(f"{_POINTS}.OVERSAMPLE_RATIO") < 1:
        config.refuse(f"{_POINTS}.OVERSAMPLE_RATIO", "as many points as are needed are drawn")
    if not 0 <= config.take(f"{_POINTS}.IMPORTANCE_SAMPLE_RATIO") <= 1:
        config.refuse(f"{_POINTS}.IMPORTANCE_SAMPLE_RATIO", "a share is from 0 to 1")


def _count_mask_steps(config: Config) -> tuple[int, int]:
    """Returns the side of the first masks, and how often they are subdivided.

    A subdivision that would predict every point anew is none: the first masks are larger instead.
    """
    key = f"{_POINTS}.SUBDIVISION_STEPS"
    side, steps = config.take(f"{_MASK}.OUTPUT_SIDE_RESOLUTION"), config.take(key)
    num_points = config.take(f"{_POINTS}.SUBDIVISION_NUM_POINTS")
    while side > 0 and 4 * side**2 <= num_points:
        side, steps = 2 * side, steps - 1
    if steps < 0:
        config.refuse(key, f"masks begin with {side} x {side} points, after more steps than these")
    return side, steps


def _fit_steps(
    config: Config, draft: Draft, head: str, num_shipped: int, steps: int, wires: dict[str, str]
) -> None:
    """Adds subdivisions after the shipped ones, or leaves the last of these out."""
    if steps < 0 or steps == num_shipped:
        return
    is_masks = head == _MASK_HEAD
    kind, port = ("mask", "mask_logits") if is_masks else ("pixel", "logits")
    coarse = "coarse_head" if is_masks else "coarse_sem_seg_head"
    first = "grid_masks" if is_masks else coarse
    for step in range(num_shipped, steps):
        node: dict[str, Any] = {
            "spec": f"blocks/{kind}_subdivision.yaml",
            "when": "inference",
            "inputs": {port: f"subdivision{step - 1}", "coarse_logits": coarse, **wires},
            "params": {
                "in_features": config.take(f"{_POINTS}.IN_FEATURES"),
                "point_head": f"{head}.point_head",
                "num_points": config.take(f"{_POINTS}.SUBDIVISION_NUM_POINTS"),
            },
        }
        draft.put_node(f"{head}.subdivision{step}", node)
    for step in range(steps, num_shipped):
        draft.drop_node(f"{head}.subdivision{step}")
    last = f"subdivision{steps - 1}" if steps else first
    draft.put_node(head, {"outputs": {port: {"inference": last}}})
