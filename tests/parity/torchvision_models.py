"""torchvision's own detectors, small, with weights at which they say something."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v3_large
from torchvision.models.detection import FCOS, FasterRCNN, KeypointRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection._utils import retrieve_out_channels
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import (
    FastRCNNConvFCHead,
    FastRCNNPredictor,
    TwoMLPHead,
)
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead, _default_anchorgen
from torchvision.models.detection.rpn import AnchorGenerator, RPNHead
from torchvision.models.detection.ssd import SSD, SSDFeatureExtractorVGG
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet, SSDLiteHead
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.vgg import cfgs, make_layers
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from composer.structures import BitMasks, Boxes, Instances, Keypoints
from parity.golden import DATA

CHANNELS = 32  # of the pyramid: one a group of group normalisation
SIZES = {"min_size": 96, "max_size": 160}
NUM_CLASSES = 6  # with the background
NUM_KEYPOINTS = 5
NUM_PROPOSALS = 60
WIDTH = 0.25  # of MobileNets

# Standard deviations at which predictors have something to say, and the biases of dense ones.
_SPREADS = {
    "rpn.head.cls_logits": 2.0,
    "rpn.head.bbox_pred": 0.3,
    "roi_heads.box_predictor.cls_score": 2.0,
    "roi_heads.box_predictor.bbox_pred": 1.0,
    "roi_heads.mask_predictor.mask_fcn_logits": 2.0,
    "roi_heads.keypoint_predictor.kps_score_lowres": 2.0,
    "head.classification_head.cls_logits": 1.0,
    "head.regression_head.bbox_reg": 0.5,
    "head.regression_head.bbox_ctrness": 1.0,
    **{f"head.classification_head.module_list.{level}": 1.5 for level in range(6)},
    **{f"head.regression_head.module_list.{level}": 1.0 for level in range(6)},
    **{f"head.classification_head.module_list.{level}.1": 1.5 for level in range(6)},
    **{f"head.regression_head.module_list.{level}.1": 1.0 for level in range(6)},
}
_DENSE_BIAS = -2.0


def build_torchvision(name: str, norm: type[nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """Builds the small counterpart of `torchvision.models.detection.<name>`.

    Args:
        name: the name of torchvision's builder.
        norm: the backbone's normalisation where it is not given by the name.
    """
    return _BUILDERS[name](norm)


def calibrate(model: nn.Module, images: list[Tensor]) -> None:
    """Draws statistics and weights so that activations are of order one and scores are spread."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # an average over everything
            nn.init.uniform_(layer.weight, 0.8, 1.2)
            nn.init.normal_(layer.bias, std=0.1)
    # The last normalisation of a block adds to what is there already.
    for block in model.modules():
        if isinstance(block, Bottleneck) and isinstance(block.bn3, nn.BatchNorm2d):
            nn.init.uniform_(block.bn3.weight, 0.2, 0.4)
    with torch.no_grad():
        model.train()
        model.backbone(model.transform(images)[0].tensors)
        model.eval()
        for _ in range(2):
            _spread_predictions(model, images)


def _spread_predictions(model: nn.Module, images: list[Tensor]) -> None:
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if name in _SPREADS and hasattr(layer, "weight")
    }
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    handles = [
        layer.register_forward_hook(
            lambda _layer, _args, output, name=name: outputs[name].append(output.flatten())
        )
        for name, layer in layers.items()
    ]
    model(images)
    for handle in handles:
        handle.remove()
    for name, layer in layers.items():
        values = torch.cat(outputs[name])
        if len(values) > 1:
            layer.weight *= _SPREADS[name] / values.std()
        if name == "head.classification_head.cls_logits":
            nn.init.constant_(layer.bias, _DENSE_BIAS)


def _build_backbone(
    norm: type[nn.Module], stages: tuple[int, ...], top: nn.Module, fpn_norm: Any = None
) -> BackboneWithFPN:
    body = ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=4, norm_layer=norm)
    return BackboneWithFPN(
        body,
        {f"layer{stage}": str(index) for index, stage in enumerate(stages)},
        [256 * 2 ** (stage - 1) for stage in stages],
        CHANNELS,
        extra_blocks=top,
        norm_layer=fpn_norm,
    )


_PROPOSALS = {
    "rpn_post_nms_top_n_train": NUM_PROPOSALS,
    "rpn_post_nms_top_n_test": NUM_PROPOSALS,
}
_ALL_STAGES = (1, 2, 3, 4)
_DENSE_STAGES = (2, 3, 4)


def _first_version(norm: type[nn.Module], kind: Any = FasterRCNN, **options: Any) -> nn.Module:
    return kind(
        _build_backbone(norm, _ALL_STAGES, LastLevelMaxPool()),
        box_head=TwoMLPHead(CHANNELS * 49, 64),
        box_predictor=FastRCNNPredictor(64, options.pop("num_classes", NUM_CLASSES)),
        **SIZES,
        **_PROPOSALS,
        **options,
    )


def _second_version(_: type[nn.Module], kind: Any = FasterRCNN, **options: Any) -> nn.Module:
    norm = nn.BatchNorm2d
    return kind(
        _build_backbone(norm, _ALL_STAGES, LastLevelMaxPool(), norm),
        rpn_anchor_generator=AnchorGenerator(
            ((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5
        ),
        rpn_head=RPNHead(CHANNELS, 3, conv_depth=2),
        box_head=FastRCNNConvFCHead((CHANNELS, 7, 7), [CHANNELS] * 4, [64], norm_layer=norm),
        box_predictor=FastRCNNPredictor(64, NUM_CLASSES),
        **SIZES,
        **_PROPOSALS,
        **options,
    )


def _mask_parts(norm: Any) -> dict[str, nn.Module]:
    return {
        "mask_head": MaskRCNNHeads(CHANNELS, [CHANNELS] * 4, 1, norm_layer=norm),
        "mask_predictor": MaskRCNNPredictor(CHANNELS, CHANNELS, NUM_CLASSES),
    }


def _keypoint_parts() -> dict[str, nn.Module]:
    return {
        "keypoint_head": KeypointRCNNHeads(CHANNELS, (CHANNELS,) * 8),
        "keypoint_predictor": KeypointRCNNPredictor(CHANNELS, NUM_KEYPOINTS),
    }


def _build_retinanet(norm: type[nn.Module], *, is_second: bool) -> nn.Module:
    top = LastLevelP6P7(2048 if is_second else CHANNELS, CHANNELS)
    head_norm = partial(nn.GroupNorm, 32) if is_second else None
    head = RetinaNetHead(CHANNELS, 9, NUM_CLASSES, norm_layer=head_norm)
    head.regression_head._loss_type = "giou" if is_second else "l1"
    return RetinaNet(
        _build_backbone(nn.BatchNorm2d if is_second else norm, _DENSE_STAGES, top),
        NUM_CLASSES,
        anchor_generator=_default_anchorgen(),
        head=head,
        **SIZES,
    )


def _build_fcos(norm: type[nn.Module]) -> nn.Module:
    top = LastLevelP6P7(CHANNELS, CHANNELS)
    return FCOS(_build_backbone(norm, _DENSE_STAGES, top), NUM_CLASSES, **SIZES)


def _build_mobile(norm: type[nn.Module]) -> nn.Module:
    body = mobilenet_v3_large(weights=None, norm_layer=norm, width_mult=WIDTH).features
    channels = [body[13].out_channels, body[16].out_channels]
    top = LastLevelMaxPool()
    sizes, ratios = ((32, 64, 128, 256, 512),) * 3, ((0.5, 1.0, 2.0),) * 3
    return FasterRCNN(
        BackboneWithFPN(body, {"13": "0", "16": "1"}, channels, CHANNELS, extra_blocks=top),
        rpn_anchor_generator=AnchorGenerator(sizes, ratios),
        rpn_score_thresh=0.05,
        box_head=TwoMLPHead(CHANNELS * 49, 64),
        box_predictor=FastRCNNPredictor(64, NUM_CLASSES),
        **SIZES,
        **_PROPOSALS,
    )


def _build_ssd(_: type[nn.Module]) -> nn.Module:
    layers = make_layers(cfgs["A"])
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    boxes = DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    backbone = SSDFeatureExtractorVGG(layers, highres=False)
    mean, std = [0.48235, 0.45882, 0.40784], [1 / 255] * 3
    return SSD(backbone, boxes, (300, 300), NUM_CLASSES, mean, std)


def _build_ssdlite(_: type[nn.Module]) -> nn.Module:
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    whole = mobilenet_v3_large(weights=None, norm_layer=norm, width_mult=WIDTH, reduced_tail=True)
    backbone = SSDLiteFeatureExtractorMobileNet(whole.features, 13, norm, WIDTH)
    boxes = DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    channels = retrieve_out_channels(backbone, (320, 320))
    return SSD(
        backbone,
        boxes,
        (320, 320),
        NUM_CLASSES,
        [0.5] * 3,
        [0.5] * 3,
        SSDLiteHead(channels, boxes.num_anchors_per_location(), NUM_CLASSES, norm),
        score_thresh=0.001,
        nms_thresh=0.55,
        detections_per_img=300,
        topk_candidates=300,
    )


_BUILDERS = {
    "fasterrcnn_resnet50_fpn": _first_version,
    "fasterrcnn_resnet50_fpn_v2": _second_version,
    "maskrcnn_resnet50_fpn": lambda norm: _first_version(norm, MaskRCNN, **_mask_parts(None)),
    "maskrcnn_resnet50_fpn_v2": lambda norm: _second_version(
        norm, MaskRCNN, **_mask_parts(nn.BatchNorm2d)
    ),
    "keypointrcnn_resnet50_fpn": lambda norm: _first_version(
        norm, KeypointRCNN, num_classes=2, **_keypoint_parts()
    ),
    "retinanet_resnet50_fpn": partial(_build_retinanet, is_second=False),
    "retinanet_resnet50_fpn_v2": partial(_build_retinanet, is_second=True),
    "fcos_resnet50_fpn": _build_fcos,
    "fasterrcnn_mobilenet_v3_large_fpn": _build_mobile,
    "ssd300_vgg16": _build_ssd,
    "ssdlite320_mobilenet_v3_large": _build_ssdlite,
}


@dataclass(frozen=True)
class Scene:
    """Two photographs with objects, in the forms of both sides.

    Args:
        images: RGB from 0 to 1, of two sizes.
        targets: what torchvision is given.
    """

    images: list[Tensor]
    targets: list[dict[str, Tensor]] = field(default_factory=list)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The `list[dict]` format."""
        records = []
        for image, target in zip(self.images, self.targets, strict=True):
            instances = Instances(
                (image.shape[1], image.shape[2]),
                gt_boxes=Boxes(target["boxes"]),
                gt_classes=target["labels"],
                gt_masks=BitMasks(target["masks"]),
                gt_keypoints=Keypoints(target["keypoints"]),
            )
            records.append({"image": image, "instances": instances})
        return records


def make_scene(num_classes: int, seed: int = 0) -> Scene:
    """Puts random objects on the two photographs.

    Args:
        num_classes: labels are from 1 up to below this.
        seed: what is drawn with.
    """
    torch.manual_seed(seed)
    with np.load(DATA / "images.npz") as arrays:
        bgr = [arrays["image0"], arrays["image1"]]
    images = [torch.from_numpy(a[:, :, ::-1].transpose(2, 0, 1).copy()) / 255 for a in bgr]
    return Scene(images, [_make_target(image, num_classes) for image in images])


def _make_target(image: Tensor, num_classes: int, count: int = 5) -> dict[str, Tensor]:
    height, width = image.shape[1:]
    corner = torch.rand(count, 2) * torch.tensor([width - 70.0, height - 70.0])
    boxes = torch.cat((corner, corner + 20 + torch.rand(count, 2) * 50), dim=1)
    y, x = torch.arange(height)[:, None] + 0.5, torch.arange(width)[None] + 0.5
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    distance = ((x - center[:, 0, None, None]) / half[:, 0, None, None]) ** 2
    distance = distance + ((y - center[:, 1, None, None]) / half[:, 1, None, None]) ** 2
    places = corner[:, None] + torch.rand(count, NUM_KEYPOINTS, 2) * 2 * half[:, None]
    visibility = torch.randint(3, (count, NUM_KEYPOINTS, 1)).float()
    return {
        "boxes": boxes,
        "labels": torch.randint(1, num_classes, (count,)),
        "masks": (distance < 1).byte(),
        "keypoints": torch.cat((places, visibility), dim=2),
    }


def freeze_backbone(name: str, model: nn.Module) -> nn.Module:
    """Returns the same model with frozen batch normalisations in its backbone."""
    frozen = build_torchvision(name, FrozenBatchNorm2d)
    frozen.load_state_dict(model.state_dict())
    return frozen
