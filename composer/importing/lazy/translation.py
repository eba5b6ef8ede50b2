"""From a lazy configuration to a spec of our blocks."""

from __future__ import annotations

from composer.importing.draft import Draft
from composer.importing.lazy.anchors import translate_rpn
from composer.importing.lazy.backbones import translate_backbone
from composer.importing.lazy.data import find_class_names, translate_images, translate_weights
from composer.importing.lazy.dense_detectors import translate_fcos, translate_retinanet
from composer.importing.lazy.lazy_config import LazyConfig
from composer.importing.lazy.lazy_model import LazyModel
from composer.importing.lazy.region_heads import translate_regions
from composer.importing.lazy.semantics import translate_panoptic, translate_semantics
from composer.importing.proposals import give_proposals


def translate_lazy(config: LazyConfig, model: LazyModel) -> Draft:
    """The spec of a model; what cannot be expressed is noted in the configuration's log."""
    draft = model.draft()
    call = model.call
    levels = translate_backbone(model.backbone, draft)
    translate_images(call, draft)
    if "proposal_generator" in call.signature:
        proposals = call.call("proposal_generator", "RPN")
        if proposals is not None:
            translate_rpn(proposals, draft, levels)
        elif not call.has("proposal_generator"):
            config.use(call.key_of("proposal_generator"))
            give_proposals(draft, model.architecture)
    if model.heads is not None:
        translate_regions(model, draft, levels)
    if call.name == "RetinaNet":
        translate_retinanet(call, draft, levels)
    if call.name == "FCOS":
        translate_fcos(call, draft, levels)
    if model.has_semantics:
        translate_semantics(call, draft, levels)
    if call.name == "PanopticFPN":
        translate_panoptic(model, draft)
    translate_weights(config, draft)
    draft.names = find_class_names(config, model)
    return draft
