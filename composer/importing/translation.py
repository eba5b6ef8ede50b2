"""From a detectron2 configuration to a spec of our blocks."""

from __future__ import annotations

from pathlib import Path

from composer.importing import addresses
from composer.importing.architecture import Architecture
from composer.importing.backbones import translate_backbone
from composer.importing.carrying import carry, check_box_weights, check_matching, require_levels
from composer.importing.cascade import fit_stages, read_stages
from composer.importing.config import Config
from composer.importing.draft import Draft
from composer.importing.names import find_names
from composer.importing.points import translate_pixel_points
from composer.importing.proposals import (
    give_proposals,
    translate_dense_anchors,
    translate_rpn,
)
from composer.importing.regions import stages_of, translate_regions


def translate(config: Config, model: Architecture) -> Draft:
    """The spec of a model; what cannot be expressed is noted in the configuration's log."""
    draft = model.draft()
    _translate_images(config, draft)
    levels = translate_backbone(config, draft, model)
    if model.proposals == "PrecomputedProposals":
        give_proposals(draft, model)
    elif model.proposals:
        translate_rpn(config, draft, model, levels)
    if model.heads:
        translate_regions(config, draft, model, levels)
    if model.name == "RetinaNet":
        carry(config, draft, addresses.RETINANET)
        check_matching(config, "MODEL.RETINANET")
        weights = "MODEL.RETINANET.BBOX_REG_WEIGHTS"
        check_box_weights(config, weights, config.take(weights), 4)
        translate_dense_anchors(config, draft, levels)
    if model.has_semantics:
        require_levels(config, "MODEL.SEM_SEG_HEAD.IN_FEATURES", levels)
    if model.renders_pixels:
        translate_pixel_points(config, draft, levels)
    elif model.has_semantics:
        carry(config, draft, addresses.SEMANTIC)
    if model.name == "PanopticFPN":
        _translate_panoptic(config, draft, model)
    if model.heads == "CascadeROIHeads":
        fit_stages(draft, *read_stages(config))
    _translate_weights(config, draft)
    draft.names = find_names(config, model)
    return draft


def _translate_images(config: Config, draft: Draft) -> None:
    carry(config, draft, addresses.IMAGES)
    if len(config.take("MODEL.PIXEL_MEAN")) != len(config.take("MODEL.PIXEL_STD")):
        config.refuse("MODEL.PIXEL_STD", "MODEL.PIXEL_MEAN has another number of channels")
    config.require("INPUT.FORMAT", "BGR", "RGB")
    draft.set_image("channel_order", config.take("INPUT.FORMAT"))
    draft.set_image("shortest_edge", config.take("INPUT.MIN_SIZE_TEST"))
    draft.set_image("longest_edge", config.take("INPUT.MAX_SIZE_TEST"))


def _translate_panoptic(config: Config, draft: Draft, model: Architecture) -> None:
    _weigh_instances(config, draft, model)
    if model.has_masks:
        carry(config, draft, addresses.PANOPTIC)
        return
    draft.drop_node("panoptic")
    draft.put_output("inference", "panoptic_seg", None)
    for key in addresses.PANOPTIC:
        config.drop(key, "without masks, nothing is combined")


def _weigh_instances(config: Config, draft: Draft, model: Architecture) -> None:
    """Scales the losses of box regression and masks; in detectron2 no other loss has the factor."""
    key = "MODEL.PANOPTIC_FPN.INSTANCE_LOSS_WEIGHT"
    weight = config.take(key)
    if weight == 1.0:
        return
    of_boxes = config.take("MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_WEIGHT")
    stage = stages_of(model)
    draft.set(f"roi_heads.{stage}box_loss.bbox_reg_loss_weight", of_boxes * weight, 1.0, key=key)
    if model.has_masks:
        draft.set("roi_heads.mask_loss.loss_weight", weight, 1.0, key=key)


def _translate_weights(config: Config, draft: Draft) -> None:
    """Names a checkpoint that is there; others are for `--weights`."""
    key = "MODEL.WEIGHTS"
    file = config.values[key]
    if not file or "://" in file:
        return
    if Path(file).is_file():
        draft.weights = config.take(key)
    else:
        config.drop(key, "there is no such file here: --weights")
