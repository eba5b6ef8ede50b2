"""From a configuration's anchors and proposals to addresses of ours."""

from __future__ import annotations

from collections.abc import Sequence

from composer.importing import addresses
from composer.importing.architecture import Architecture
from composer.importing.carrying import (
    carry,
    carry_value,
    check_box_weights,
    check_matching,
    require_alike_levels,
)
from composer.importing.config import Config
from composer.importing.draft import Draft

_ANCHORS = "MODEL.ANCHOR_GENERATOR"
_NUM_ANCHORS = 3  # of an RPN by default


def give_proposals(draft: Draft, model: Architecture) -> None:
    """Makes a model take proposals that come with the images."""
    if draft.base == "fast_rcnn_r50_fpn":
        return
    wires = {"proposals": "batch.proposals", "images": None, "features": None, "targets": None}
    draft.put_node("proposal_generator", {"uses": "given_proposals", "inputs": wires})
    losses = ["sem_seg_loss"] if model.has_semantics else []
    draft.put_output("training", "losses", [*losses, "roi_heads.losses"])


def translate_rpn(config: Config, draft: Draft, model: Architecture, levels: list[str]) -> None:
    """Sets what the RPN is."""
    config.require("MODEL.RPN.HEAD_NAME", "StandardRPNHead")
    carry(config, draft, addresses.RPN)
    check_matching(config, "MODEL.RPN")
    weights = "MODEL.RPN.BBOX_REG_WEIGHTS"
    check_box_weights(config, weights, config.take(weights), 5 if model.is_rotated else 4)
    if model.is_rotated:
        config.require("MODEL.RPN.BBOX_REG_LOSS_TYPE", "smooth_l1")
        config.require("MODEL.RPN.BOUNDARY_THRESH", -1)
        carry(config, draft, addresses.ROTATED_RPN)
    else:
        carry(config, draft, addresses.UPRIGHT_RPN)
    key = "MODEL.RPN.IN_FEATURES"
    named = config.take(key)
    if require_alike_levels(config, key, levels):
        count = count_anchors(config, named, is_rotated=model.is_rotated)
        draft.set("proposal_generator.rpn_head.num_anchors", count, _NUM_ANCHORS)
    if named != levels:
        draft.set("proposal_generator.in_features", named)


def translate_dense_anchors(config: Config, draft: Draft, levels: list[str]) -> None:
    """Sets the anchors of a detector without proposals."""
    key = "MODEL.RETINANET.IN_FEATURES"
    if require_alike_levels(config, key, levels):
        count = count_anchors(config, config.take(key))
        carry_value(config, draft, f"{_ANCHORS}.SIZES", "head.num_anchors", count)


def count_anchors(config: Config, levels: Sequence[str], *, is_rotated: bool = False) -> int:
    """Anchors at each cell of some levels; notes what does not fit these."""
    kind = "RotatedAnchorGenerator" if is_rotated else "DefaultAnchorGenerator"
    config.require(f"{_ANCHORS}.NAME", kind)
    count = 1
    for part in ("SIZES", "ASPECT_RATIOS", *(["ANGLES"] if is_rotated else [])):
        per_level = config.take(f"{_ANCHORS}.{part}")
        if len(per_level) not in (1, len(levels)):
            these = f"there are {len(levels)} levels ({', '.join(levels)})"
            config.refuse(f"{_ANCHORS}.{part}", f"{these}: one list for each, or one for all")
            return 0
        if len({len(one) for one in per_level}) > 1:
            config.refuse(f"{_ANCHORS}.{part}", "levels differ in their number")
        count *= len(per_level[0])
    return count
