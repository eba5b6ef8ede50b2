"""The state-dict keys of some models of detectron2, and what Detectron1 called their blobs."""

import re
from collections.abc import Iterator

_NORM = ("weight", "bias", "running_mean", "running_var")
_BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}  # of a ResNet-50, by stage
_CONVOLUTIONS = ("conv1", "conv2", "conv3")


def mask_rcnn_fpn() -> list[str]:
    """Mask R-CNN R50-FPN."""
    return [*_fpn_detector(), *_box_head(), *_mask_head("mask_fcn1 mask_fcn2 mask_fcn3 mask_fcn4")]


def keypoint_rcnn_fpn() -> list[str]:
    """Keypoint R-CNN R50-FPN."""
    layers = [*(f"conv_fcn{index}" for index in range(1, 9)), "score_lowres"]
    head = _parameters("roi_heads.keypoint_head", layers)
    return [*_fpn_detector(), *_box_head(), *head]


def mask_rcnn_c4() -> list[str]:
    """Mask R-CNN R50-C4, whose heads share res5."""
    return [
        *_stem("backbone."),
        *(key for stage in (2, 3, 4) for key in _stage("backbone.", stage)),
        *_stage("roi_heads.", 5),
        *_rpn(),
        *_parameters("roi_heads.box_predictor", ("cls_score", "bbox_pred")),
        *_mask_head(""),
    ]


def retinanet() -> list[str]:
    """RetinaNet R50-FPN."""
    subnets = [f"{kind}_subnet.{index}" for kind in ("cls", "bbox") for index in (0, 2, 4, 6)]
    return [
        *_resnet("backbone.bottom_up."),
        *_fpn((3, 4, 5)),
        *_parameters("backbone.top_block", ("p6", "p7")),
        *_parameters("head", [*subnets, "cls_score", "bbox_pred"]),
    ]


def blob_of(key: str) -> str | None:
    """What Detectron1 called a key of detectron2; None for the statistics, which it folded."""
    if key.endswith(("running_mean", "running_var")):
        return None
    layer, _, parameter = key.rpartition(".")
    suffix = {"weight": "w", "bias": "b"}[parameter]
    if layer.endswith(".norm"):
        layer, suffix = layer.removesuffix(".norm"), {"w": "bn_s", "b": "bn_b"}[suffix]
        if layer.endswith("stem.conv1"):
            return f"res_conv1_{suffix}"
    return f"{_layer_blob(layer)}_{suffix}"


def _layer_blob(layer: str) -> str:
    if block := re.search(r"res(\d)\.(\d+)\.(\w+)$", layer):
        branches = dict(zip(("shortcut", *_CONVOLUTIONS), ("1", "2a", "2b", "2c"), strict=True))
        return f"res{block[1]}_{block[2]}_branch{branches[block[3]]}"
    if level := re.search(r"fpn_(lateral|output)(\d)$", layer):
        last = f"res{level[2]}_{_BLOCKS[int(level[2])] - 1}_sum"
        if level[1] == "output":
            return f"fpn_{last}"
        return f"fpn_inner_{last}" + ("" if level[2] == "5" else "_lateral")
    if subnet := re.search(r"head\.(cls|bbox)_subnet\.(\d)$", layer):
        return f"retnet_{subnet[1]}_conv_n{int(subnet[2]) // 2}_fpn3"
    if layer in ("head.cls_score", "head.bbox_pred"):
        return f"retnet_{layer[5:].replace('score', 'pred')}_fpn3"
    return _SINGLE_BLOBS[
        re.sub(r"^(roi_heads|proposal_generator|backbone(\.bottom_up)?)\.", "", layer)
    ]


_SINGLE_BLOBS = {
    "stem.conv1": "conv1",
    "top_block.p6": "fpn_6",
    "top_block.p7": "fpn_7",
    "rpn_head.conv": "conv_rpn_fpn2",
    "rpn_head.objectness_logits": "rpn_cls_logits_fpn2",
    "rpn_head.anchor_deltas": "rpn_bbox_pred_fpn2",
    "box_head.fc1": "fc6",
    "box_head.fc2": "fc7",
    "box_predictor.cls_score": "cls_score",
    "box_predictor.bbox_pred": "bbox_pred",
    **{f"mask_head.mask_fcn{index}": f"_[mask]_fcn{index}" for index in range(1, 5)},
    "mask_head.deconv": "conv5_mask",
    "mask_head.predictor": "mask_fcn_logits",
    **{f"keypoint_head.conv_fcn{index}": f"conv_fcn{index}" for index in range(1, 9)},
    "keypoint_head.score_lowres": "kps_score_lowres",
}


def _fpn_detector() -> list[str]:
    return [*_resnet("backbone.bottom_up."), *_fpn((2, 3, 4, 5)), *_rpn()]


def _resnet(prefix: str) -> list[str]:
    return [*_stem(prefix), *(key for stage in _BLOCKS for key in _stage(prefix, stage))]


def _stem(prefix: str) -> Iterator[str]:
    return _convolution(f"{prefix}stem.conv1")


def _stage(prefix: str, stage: int) -> Iterator[str]:
    for block in range(_BLOCKS[stage]):
        for name in (*(("shortcut",) if block == 0 else ()), *_CONVOLUTIONS):
            yield from _convolution(f"{prefix}res{stage}.{block}.{name}")


def _convolution(layer: str) -> Iterator[str]:
    yield f"{layer}.weight"
    yield from (f"{layer}.norm.{name}" for name in _NORM)


def _fpn(levels: tuple[int, ...]) -> list[str]:
    layers = [f"fpn_{kind}{level}" for level in levels for kind in ("lateral", "output")]
    return _parameters("backbone", layers)


def _rpn() -> list[str]:
    layers = ("conv", "objectness_logits", "anchor_deltas")
    return _parameters("proposal_generator.rpn_head", layers)


def _box_head() -> list[str]:
    return [
        *_parameters("roi_heads.box_head", ("fc1", "fc2")),
        *_parameters("roi_heads.box_predictor", ("cls_score", "bbox_pred")),
    ]


def _mask_head(convolutions: str) -> list[str]:
    return _parameters("roi_heads.mask_head", [*convolutions.split(), "deconv", "predictor"])


def _parameters(prefix: str, layers: list[str] | tuple[str, ...]) -> list[str]:
    return [f"{prefix}.{layer}.{name}" for layer in layers for name in ("weight", "bias")]
