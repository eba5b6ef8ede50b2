"""The parts of a lazy configuration's model, and the shipped spec that is nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composer.importing.architecture import Architecture
from composer.importing.draft import Draft
from composer.importing.lazy.backbones import NETWORKS, PYRAMIDS
from composer.importing.lazy.calls import Call, read_call
from composer.importing.lazy.lazy_config import MODEL, LazyConfig

_WITH_REGIONS = ("GeneralizedRCNN", "PanopticFPN")
_DENSE = ("RetinaNet", "FCOS")
_MODELS = (*_WITH_REGIONS, *_DENSE, "ProposalNetwork", "SemanticSegmentor")
_HEADS = ("StandardROIHeads", "CascadeROIHeads", "Res5ROIHeads")
_BLOCKS: Mapping[str, str] = {
    "RegNet": "blocks/regnet_fpn.yaml",
    "SwinTransformer": "blocks/swin_{size}_fpn.yaml",
    "MViT": "blocks/mvitv2_{size}_fpn.yaml",
    "ViT": "blocks/vit_{size}_fpn.yaml",
}
_NEAREST: Mapping[tuple[str, str], str] = {
    ("ViT", "mask_roi_heads"): "mask_rcnn_vitdet",
    ("ViT", "cascade_mask_roi_heads"): "cascade_mask_rcnn_vitdet",
    ("ViT", "federated_mask_roi_heads"): "mask_rcnn_vitdet_lvis",
    ("ViT", "federated_cascade_mask_roi_heads"): "cascade_mask_rcnn_vitdet_lvis",
    ("SwinTransformer", "cascade_mask_roi_heads"): "cascade_mask_rcnn_swin",
    ("SwinTransformer", "federated_cascade_mask_roi_heads"): "cascade_mask_rcnn_swin_lvis",
    ("MViT", "mask_roi_heads"): "mask_rcnn_mvitv2_fpn",
    ("MViT", "cascade_mask_roi_heads"): "cascade_mask_rcnn_mvitv2_fpn",
    ("MViT padded", "cascade_mask_roi_heads"): "cascade_mask_rcnn_mvitv2_vitdet",
    ("MViT padded", "federated_cascade_mask_roi_heads"): "cascade_mask_rcnn_mvitv2_vitdet_lvis",
    ("RegNet", "mask_roi_heads"): "mask_rcnn_regnetx_4gf_fpn",
    ("RegNet excited", "mask_roi_heads"): "mask_rcnn_regnety_4gf_fpn",
}
_SIZES: Mapping[str, Mapping[tuple[int, ...], str]] = {
    "ViT": {(768,): "b", (1024,): "l", (1280,): "h"},
    "SwinTransformer": {(96, 6): "t", (96, 18): "s", (128, 18): "b", (192, 18): "l"},
    "MViT": {(96, 10): "t", (96, 16): "s", (96, 24): "b", (144, 48): "l", (192, 80): "h"},
}
_PYRAMID_BUILDERS = {
    "LastLevelP6P7": "build_retinanet_resnet_fpn_backbone",
    "": "build_resnet_fpn_backbone",
}


@dataclass(frozen=True)
class LazyModel:
    """The calls that make a model.

    Args:
        call: the whole model.
        backbone: its backbone.
        network: the network of the backbone, which may be the backbone itself.
        heads: its region heads, or None.
    """

    call: Call
    backbone: Call
    network: Call
    heads: Call | None

    @property
    def has_masks(self) -> bool:
        """Whether regions have masks."""
        return self.heads is not None and _has_branch(self.heads, "mask")

    @property
    def has_keypoints(self) -> bool:
        """Whether regions have keypoints."""
        return self.heads is not None and _has_branch(self.heads, "keypoint")

    @property
    def has_semantics(self) -> bool:
        """Whether there is a head for semantic segmentation."""
        return self.call.has("sem_seg_head")

    @property
    def is_federated(self) -> bool:
        """Whether the first box predictor has the federated loss."""
        predictors = _predictors(self.heads) if self.heads is not None else []
        return bool(predictors) and bool(predictors[0].take("use_fed_loss"))

    @property
    def architecture(self) -> Architecture:
        """The same parts by the names that configurations of the older kind have for them."""
        top = self.backbone.arguments.get("top_block")
        is_p6p7 = top is not None and "LastLevelP6P7" in repr(top.plain())
        builder = _PYRAMID_BUILDERS["LastLevelP6P7" if is_p6p7 else ""]
        is_plain = self.backbone is self.network
        proposals = self.call.arguments.get("proposal_generator")
        has_proposals = proposals is not None and proposals.value is not None
        name = "RetinaNet" if self.call.name == "FCOS" else self.call.name
        return Architecture(
            name,
            "build_resnet_backbone" if is_plain else builder,
            "RPN" if has_proposals else "PrecomputedProposals" * (self.heads is not None),
            self.heads.name if self.heads is not None else "",
            self.has_masks,
            self.has_keypoints,
        )

    def draft(self) -> Draft:
        """The nearest shipped spec, with the blocks that this model has."""
        base = self._nearest()
        architecture = self.architecture
        if base is not None:
            draft = Draft(base)
        elif self.network.name == "ResNet":
            draft = Draft("fcos_r50_fpn") if self.call.name == "FCOS" else architecture.draft()
        else:
            draft = Draft("fcos_r50_fpn") if self.call.name == "FCOS" else architecture.draft()
            block = _BLOCKS[self.network.name].format(size=self._size() or "b")
            draft.put_block("backbone", block)
        if (size := self._size()) and draft.has_param("size"):
            draft.set("size", size)
        return draft

    def _nearest(self) -> str | None:
        """The spec that has this backbone with these heads, or None."""
        if self.call.name != "GeneralizedRCNN" or not self.call.has("proposal_generator"):
            return None
        kind = self.network.name
        if kind == "MViT" and self.backbone.has("square_pad") and self.backbone.take("square_pad"):
            kind = "MViT padded" if ("MViT padded", self._block()) in _NEAREST else kind
        if kind == "RegNet" and self.network.take("se_ratio"):
            kind = "RegNet excited"
        found = _NEAREST.get((kind, self._block()))
        is_new = self._is_new_baseline()
        if kind == "ResNet" and is_new and self._block() == "mask_roi_heads":
            return "mask_rcnn_r50_fpn_lsj"
        return f"{found}_lsj" if found and kind.startswith("RegNet") and is_new else found

    def _is_new_baseline(self) -> bool:
        """Whether the pyramid is normalised over all processes, as in the new baselines."""
        return self.backbone is not self.network and self.backbone.take("norm") == "SyncBN"

    def _block(self) -> str:
        """The name of the block of the region heads."""
        block = self.architecture.block
        return f"federated_{block}" if self.is_federated else block

    def _size(self) -> str | None:
        """The letter of a transformer's size, where it is one of the published ones."""
        network = self.network
        if network.name not in _SIZES:
            return None
        key: tuple[int, ...] = (network.take("embed_dim"),)
        if network.name == "MViT":
            key = (*key, network.take("depth"))
        if network.name == "SwinTransformer":
            depths = network.take("depths")
            key = (*key, depths[2] if len(depths) > 2 else 0)
        return _SIZES[network.name].get(key)


def read_model(config: LazyConfig) -> LazyModel | None:
    """The parts of a configuration's model; None, and a note in its log, if it is unsupported."""
    element = config.find(MODEL)
    if element is None:
        config.note(MODEL, "a lazy configuration has a key 'model', with '_target_'")
        return None
    call = read_call(element, MODEL, config, *_MODELS)
    backbone = call.call("backbone", *PYRAMIDS, "ResNet") if call is not None else None
    if call is None or backbone is None:
        return None
    network: Call | None = backbone
    if backbone.name == "FPN":
        network = backbone.call("bottom_up", *NETWORKS)
    elif backbone.name == "SimpleFeaturePyramid":
        network = backbone.call("net", "ViT")
    heads = call.call("roi_heads", *_HEADS) if call.name in _WITH_REGIONS else None
    if network is None or (heads is None and call.name in _WITH_REGIONS):
        return None
    found = LazyModel(call, backbone, network, heads)
    return found if _is_supported(found) else None


def _is_supported(model: LazyModel) -> bool:
    heads = model.heads
    if heads is not None and not model.architecture.block:
        heads.config.note(heads.key, f"{heads.key}: there are no such heads with these parts")
        return False
    is_pyramid = model.backbone is not model.network
    if heads is not None and heads.name == "Res5ROIHeads" and is_pyramid:
        heads.config.note(heads.key, f"{heads.key}: Res5ROIHeads need a ResNet without a pyramid")
        return False
    return True


def _has_branch(heads: Call, name: str) -> bool:
    """Whether heads have a branch; where they may name its levels, that decides."""
    levels = f"{name}_in_features"
    return heads.has(f"{name}_head") and (levels not in heads.signature or heads.has(levels))


def _predictors(heads: Call) -> list[Call]:
    if heads.name == "CascadeROIHeads":
        return heads.calls("box_predictors", "FastRCNNOutputLayers")
    one = heads.call("box_predictor", "FastRCNNOutputLayers")
    return [one] if one is not None else []
