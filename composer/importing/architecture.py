"""The shipped spec that is nearest to a configuration, and the parts that it has."""

from __future__ import annotations

from dataclasses import dataclass

from composer.importing.config import Config
from composer.importing.draft import Draft

_ARCHITECTURES = (
    "GeneralizedRCNN",
    "ProposalNetwork",
    "RetinaNet",
    "SemanticSegmentor",
    "PanopticFPN",
)
_SEMANTIC = ("SemanticSegmentor", "PanopticFPN")
_PYRAMIDS = ("build_resnet_fpn_backbone", "build_retinanet_resnet_fpn_backbone")
_BACKBONES = ("build_resnet_backbone", *_PYRAMIDS)
_BLOCKS = {
    ("StandardROIHeads", ""): "box_roi_heads",
    ("StandardROIHeads", "mask"): "mask_roi_heads",
    ("StandardROIHeads", "keypoint"): "keypoint_roi_heads",
    ("StandardROIHeads", "mask keypoint"): "mask_keypoint_roi_heads",
    ("CascadeROIHeads", ""): "cascade_roi_heads",
    ("CascadeROIHeads", "mask"): "cascade_mask_roi_heads",
    ("CascadeROIHeads", "keypoint"): "cascade_keypoint_roi_heads",
    ("CascadeROIHeads", "mask keypoint"): "cascade_mask_keypoint_roi_heads",
    ("StandardROIHeads", "points"): "point_rend_roi_heads",
    ("StandardROIHeads", "points keypoint"): "point_rend_keypoint_roi_heads",
    ("CascadeROIHeads", "points"): "cascade_point_rend_roi_heads",
    ("CascadeROIHeads", "points keypoint"): "cascade_point_rend_keypoint_roi_heads",
    ("Res5ROIHeads", ""): "res5_roi_heads",
    ("Res5ROIHeads", "mask"): "mask_res5_roi_heads",
    ("RROIHeads", ""): "rotated_roi_heads",
}
_HEADS = ("StandardROIHeads", "CascadeROIHeads", "Res5ROIHeads", "RROIHeads")
_BACKBONE_BLOCKS = {
    "build_resnet_fpn_backbone": "blocks/resnet_fpn.yaml",
    "build_retinanet_resnet_fpn_backbone": "blocks/resnet_fpn_p6p7.yaml",
}
_MASK_HEADS = ("MaskRCNNConvUpsampleHead", "PointRendMaskHead")
_SEMANTIC_HEADS = ("SemSegFPNHead", "PointRendSemSegHead")
_ON_PYRAMID = {
    "mask_roi_heads": "mask_rcnn_r50_fpn",
    "keypoint_roi_heads": "keypoint_rcnn_r50_fpn",
    "mask_keypoint_roi_heads": "mask_rcnn_r50_fpn",
    "point_rend_roi_heads": "mask_rcnn_r50_fpn",
    "point_rend_keypoint_roi_heads": "mask_rcnn_r50_fpn",
    "cascade_point_rend_roi_heads": "cascade_mask_rcnn_r50_fpn",
    "cascade_point_rend_keypoint_roi_heads": "cascade_mask_rcnn_r50_fpn",
    "cascade_roi_heads": "cascade_rcnn_r50_fpn",
    "cascade_keypoint_roi_heads": "cascade_rcnn_r50_fpn",
    "cascade_mask_roi_heads": "cascade_mask_rcnn_r50_fpn",
    "cascade_mask_keypoint_roi_heads": "cascade_mask_rcnn_r50_fpn",
}
_ON_STAGE = {
    "res5_roi_heads": "faster_rcnn_r50_c4",
    "mask_res5_roi_heads": "mask_rcnn_r50_c4",
    "mask_roi_heads": "mask_rcnn_r50_dc5",
    "mask_keypoint_roi_heads": "mask_rcnn_r50_dc5",
    "cascade_mask_roi_heads": "mask_rcnn_r50_dc5",
    "cascade_mask_keypoint_roi_heads": "mask_rcnn_r50_dc5",
}


@dataclass(frozen=True)
class Architecture:
    """The parts of a model.

    Args:
        name: detectron2's `META_ARCHITECTURE`.
        backbone: detectron2's name of the backbone.
        proposals: its proposal generator, or "".
        heads: its region heads, or "".
        has_masks: whether regions have masks.
        has_keypoints: whether regions have keypoints.
        renders_masks: whether masks are PointRend's.
        renders_pixels: whether semantic segmentation is PointRend's.
    """

    name: str
    backbone: str
    proposals: str
    heads: str
    has_masks: bool
    has_keypoints: bool
    renders_masks: bool = False
    renders_pixels: bool = False

    @property
    def has_pyramid(self) -> bool:
        """Whether features come from a pyramid, not from stages of the residual network."""
        return self.backbone in _PYRAMIDS

    @property
    def is_rotated(self) -> bool:
        """Whether boxes are rotated."""
        return "RRPN" in self.proposals

    @property
    def has_semantics(self) -> bool:
        """Whether there is a head for semantic segmentation."""
        return self.name in _SEMANTIC

    @property
    def block(self) -> str:
        """The name of the region heads' block, or "" where there is none of that kind."""
        masks = "points" if self.renders_masks else "mask"
        parts = [masks] * self.has_masks + ["keypoint"] * self.has_keypoints
        return _BLOCKS.get((self.heads, " ".join(parts)), "")

    def draft(self) -> Draft:
        """The nearest shipped spec, with the blocks that this model has."""
        draft = Draft(self._nearest())
        if self.heads:
            draft.put_block("roi_heads", f"blocks/{self.block}.yaml")
        if self.is_rotated:
            draft.put_block("proposal_generator", "blocks/rotated_rpn.yaml")
        if self.has_pyramid:
            draft.put_block("backbone", _BACKBONE_BLOCKS[self.backbone])
        elif "spec" in draft.whole["nodes"]["backbone"]:
            draft.put_node_type("backbone", "resnet")
            draft.set("preprocess.size_divisibility", 0)
        return draft

    def _nearest(self) -> str:
        if self.name == "PanopticFPN":
            return "point_rend_panoptic_r50_fpn" if self.renders_pixels else "panoptic_r50_fpn"
        if self.name == "SemanticSegmentor":
            return "point_rend_semantic_r101_fpn" if self.renders_pixels else "semantic_r50_fpn"
        if self.name == "RetinaNet":
            return "retinanet_r50_fpn"
        if self.block == "rotated_roi_heads":
            return "rotated_faster_rcnn_r50_fpn"
        if self.name == "ProposalNetwork":
            return "rpn_r50_fpn" if self.has_pyramid else "rpn_r50_c4"
        if not self.has_pyramid:
            return _ON_STAGE.get(self.block, "faster_rcnn_r50_dc5")
        if self.block == "box_roi_heads" and self.proposals == "PrecomputedProposals":
            return "fast_rcnn_r50_fpn"
        return _ON_PYRAMID.get(self.block, "faster_rcnn_r50_fpn")


def read_architecture(config: Config) -> Architecture | None:
    """The parts of a configuration's model; None, and a note in its log, if it is unsupported."""
    name = config.take("MODEL.META_ARCHITECTURE")
    config.require("MODEL.META_ARCHITECTURE", *_ARCHITECTURES)
    config.require("MODEL.BACKBONE.NAME", *_BACKBONES)
    has_regions = name in ("GeneralizedRCNN", "PanopticFPN")
    has_proposals = has_regions or name == "ProposalNetwork"
    if has_regions:
        config.require("MODEL.ROI_HEADS.NAME", *_HEADS)
    if has_proposals:
        known = ("RPN", "RRPN", "PrecomputedProposals")
        config.require("MODEL.PROPOSAL_GENERATOR.NAME", *known[: 3 if has_regions else 2])
    has_masks = has_regions and config.take("MODEL.MASK_ON")
    if has_masks:
        config.require("MODEL.ROI_MASK_HEAD.NAME", *_MASK_HEADS)
    has_semantics = name in _SEMANTIC
    if has_semantics:
        config.require("MODEL.SEM_SEG_HEAD.NAME", *_SEMANTIC_HEADS)
    found = Architecture(
        name,
        config.take("MODEL.BACKBONE.NAME"),
        config.take("MODEL.PROPOSAL_GENERATOR.NAME") if has_proposals else "",
        config.take("MODEL.ROI_HEADS.NAME") if has_regions else "",
        has_masks,
        has_regions and config.take("MODEL.KEYPOINT_ON"),
        has_masks and config.take("MODEL.ROI_MASK_HEAD.NAME") == "PointRendMaskHead",
        has_semantics and config.take("MODEL.SEM_SEG_HEAD.NAME") == "PointRendSemSegHead",
    )
    _check(config, found)
    return None if config.log else found


def _check(config: Config, found: Architecture) -> None:
    if found.renders_masks and not found.block:
        because = "PointRend's masks need StandardROIHeads or CascadeROIHeads"
        config.refuse("MODEL.ROI_MASK_HEAD.NAME", because)
    elif found.heads in _HEADS and not found.block:
        parts = [name for name in ("MASK_ON", "KEYPOINT_ON") if config.values[f"MODEL.{name}"]]
        config.refuse("MODEL.ROI_HEADS.NAME", f"these have no parts for {' and '.join(parts)}")
    if found.heads and (found.heads == "RROIHeads") != found.is_rotated:
        config.refuse("MODEL.PROPOSAL_GENERATOR.NAME", "RRPN and RROIHeads go together")
    if found.has_pyramid and found.heads == "Res5ROIHeads":
        config.refuse("MODEL.ROI_HEADS.NAME", "these need build_resnet_backbone")
