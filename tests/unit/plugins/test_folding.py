"""Node types in the form for inference give what they give as they are."""

import importlib

import pytest
import torch
from torch import nn

from composer.acceleration import OptimizedNode, cast_down
from composer.layers import FrozenBatchNorm2d, FusedConv2d, copy_structure
from composer.structures import ImageList, TensorShape, iterate_tensors

IMAGES = {"images_shape": TensorShape(channels=3, stride=1)}
LEVELS = {
    "features_shape": {
        "p2": TensorShape(channels=32, stride=4),
        "p3": TensorShape(channels=32, stride=8),
    }
}
REGIONS = {"x_shape": TensorShape(channels=32, height=7, width=7)}
TINY = {"stem_out_channels": 8, "res2_out_channels": 64, "width_per_group": 16}
ALL = ("res2", "res3", "res4", "res5")
NODES = {
    "resnet-50": ("composer_resnet.resnet:ResNet", {**IMAGES, **TINY, "out_features": ALL}),
    "resnet-18": (
        "composer_resnet.resnet:ResNet",
        {**IMAGES, **TINY, "depth": 18, "norm": "BN", "freeze_at": 0, "out_features": ALL},
    ),
    "resnet-gn": ("composer_resnet.resnet:ResNet", {**IMAGES, "norm": "GN", "width_per_group": 32}),
    "resnext": (
        "composer_resnet.resnet:ResNet",
        {**IMAGES, **TINY, "num_groups": 4, "width_per_group": 8, "stride_in_1x1": False},
    ),
    "resnet-dc5": (
        "composer_resnet.resnet:ResNet",
        {**IMAGES, **TINY, "res5_dilation": 2, "out_features": ("res5",)},
    ),
    "resnet-deform": (
        "composer_resnet.resnet:ResNet",
        {**IMAGES, **TINY, "deform_on_per_stage": (False, True, True, True)},
    ),
    "cspnet": (
        "composer_cspnet.backbone:CSPNet",
        {**IMAGES, "stem_channels": 8, "norm": "BN", "freeze_at": 0},
    ),
    "detection_maps": (
        "composer_cspnet.detection_maps:DetectionMaps",
        {**LEVELS, "channels": 8, "norm": "BN"},
    ),
    "region_stage": ("composer_resnet.region_stage:RegionStage", {**REGIONS}),
    "fpn": ("composer_fpn.fpn:FPN", {**LEVELS, "out_channels": 16, "norm": "BN"}),
    "fpn-p6p7": ("composer_fpn.fpn:FPN", {**LEVELS, "out_channels": 16, "top_block": "p6p7"}),
    "rpn_head": ("composer_rpn.rpn_head:RPNHead", {**LEVELS}),
    "rpn_head-2": ("composer_rpn.rpn_head:RPNHead", {**LEVELS, "conv_dims": (8, -1)}),
    "box_head": ("composer_rcnn.box_head:BoxHead", {**REGIONS, "fc_dims": (8,)}),
    "box_head-convs": (
        "composer_rcnn.box_head:BoxHead",
        {**REGIONS, "conv_dims": (32,), "norm": "GN"},
    ),
    "mask_head": ("composer_rcnn.mask_head:MaskHead", {**REGIONS, "num_classes": 3}),
    "keypoint_head": ("composer_rcnn.keypoint_head:KeypointHead", {**REGIONS}),
    "retinanet_head": (
        "composer_dense.retinanet_head:RetinaNetHead",
        {**LEVELS, "num_classes": 2, "norm": "BN"},
    ),
    "fcos_head": (
        "composer_dense.fcos_head:FCOSHead",
        {**LEVELS, "num_classes": 2, "norm": "GN"},
    ),
    "sem_seg_head": (
        "composer_semantic.sem_seg_head:SemSegFPNHead",
        {**LEVELS, "num_classes": 2, "convs_dim": 32},
    ),
    "efficientnet": ("composer_efficientnet.backbone:EfficientNetLite", {**IMAGES}),
    "efficientnet-bn": (
        "composer_efficientnet.backbone:EfficientNetLite",
        {**IMAGES, "norm": "BN", "freeze_at": 1},
    ),
    "regnet-x": (
        "composer_regnet.backbone:RegNet",
        {**IMAGES, "depth": 8, "out_features": ("s2", "s3")},
    ),
    "regnet-y": (
        "composer_regnet.backbone:RegNet",
        {**IMAGES, "depth": 8, "se_ratio": 0.25, "out_features": ("s3",)},
    ),
    "torchvision-resnet": (
        "composer_torchvision.backbone:TorchvisionBackbone",
        {**IMAGES, "name": "resnet18"},
    ),
    "torchvision-mobilenet": (
        "composer_torchvision.backbone:TorchvisionBackbone",
        {**IMAGES, "name": "mobilenet_v3_small", "norm": ""},
    ),
    "torchvision-densenet": (
        "composer_torchvision.backbone:TorchvisionBackbone",
        {**IMAGES, "name": "densenet121"},
    ),
    "torchvision-inner": (
        "composer_torchvision.backbone:TorchvisionBackbone",
        {
            **IMAGES,
            "name": "resnet18",
            "out_features": ("c3", "c4"),
            "parts": {"c3": "layer2.0.conv2", "c4": "layer3.0.bn2"},
        },
    ),
    "torchvision_pyramid": ("composer_torchvision.pyramid:TorchvisionPyramid", {**LEVELS}),
    "ssd_head": (
        "composer_torchvision.ssd_head:TorchvisionSSDHead",
        {**LEVELS, "num_classes": 2, "num_anchors": (2, 3), "separable": True},
    ),
    "ssdlite_backbone": (
        "composer_torchvision.ssd_backbones:TorchvisionSSDLiteBackbone",
        {**IMAGES},
    ),
    "timm-resnet": ("composer_timm.backbone:TimmBackbone", {**IMAGES, "name": "resnet18"}),
    "timm-efficientnet": (
        "composer_timm.backbone:TimmBackbone",
        {**IMAGES, "name": "mobilenetv2_050", "norm": ""},
    ),
    "transformers-resnet": (
        "composer_transformers.backbone:TransformersBackbone",
        {**IMAGES, "model_type": "resnet", "config": {"depths": [1, 1, 1, 1]}},
    ),
    "vit": (
        "composer_vit.vit.vit_backbone:ViTBackbone",
        {
            **IMAGES,
            "img_size": 64,
            "embed_dim": 32,
            "depth": 2,
            "num_heads": 2,
            "use_rel_pos": True,
        },
    ),
    "swin": (
        "composer_vit.swin.swin_backbone:SwinBackbone",
        {**IMAGES, "embed_dim": 24, "depths": (2, 2, 2, 2)},
    ),
    "simple_feature_pyramid": (
        "composer_vit.vit.simple_feature_pyramid:SimpleFeaturePyramid",
        {
            "features_shape": {"last_feat": TensorShape(channels=32, stride=16)},
            "out_channels": 16,
        },
    ),
}
_EXTRAS = ("timm", "transformers")


def build(name):
    target, options = NODES[name]
    if (extra := name.partition("-")[0]) in _EXTRAS:
        pytest.importorskip(extra)
    module, _, kind = target.partition(":")
    torch.manual_seed(0)
    made = getattr(importlib.import_module(module), kind)(**options)
    for inner in made.modules():
        if isinstance(inner, (nn.BatchNorm2d, FrozenBatchNorm2d)):
            with torch.no_grad():  # statistics as after training, of maps that stay in bounds
                inner.running_mean.normal_(std=0.1)
                inner.running_var.uniform_(0.7, 1.4)
    return made.eval()


def make_inputs(name):
    options = NODES[name][1]
    generator = torch.Generator().manual_seed(1)
    if "images_shape" in options:
        return (ImageList(torch.randn(2, 3, 64, 64, generator=generator), [(64, 64), (50, 60)]),)
    if "x_shape" in options:
        return (torch.randn(3, 32, 7, 7, generator=generator),)
    return (
        {
            level: torch.randn(2, 32, 64 // shape.stride, 64 // shape.stride, generator=generator)
            for level, shape in options["features_shape"].items()
        },
    )


def fold(module):
    return type(module).optimization().fold(copy_structure(module))


@pytest.mark.parametrize("name", NODES)
def test_folded_equals_unfolded(name):
    module = build(name)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    inputs = make_inputs(name)
    with torch.no_grad():
        expected = [*iterate_tensors(module(*inputs))]
        found = [*iterate_tensors(fold(module)(*inputs))]
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


@pytest.mark.parametrize("name", NODES)
def test_no_normalisation_is_left_that_can_be_folded(name):
    folded = fold(build(name))
    norms = [m for m in folded.modules() if isinstance(m, (nn.BatchNorm2d, FrozenBatchNorm2d))]
    if name in ("torchvision-densenet", "torchvision-inner", "retinanet_head"):
        assert norms  # it comes before its convolution, or somebody asks for the map before it
    else:
        assert not norms
    if "gn" not in name and not name.startswith(("box_head", "simple")):  # which have none to fuse
        assert any(isinstance(m, FusedConv2d) for m in folded.modules())


@pytest.mark.parametrize("name", NODES)
def test_lower_precision_runs_and_is_close(name):
    module, inputs = build(name), make_inputs(name)
    optimization = type(module).optimization()
    node = OptimizedNode("node", optimization, torch.bfloat16, ("output",))
    lowered = node.find_module(module)
    assert node.failure == ""
    with torch.no_grad():
        found = [*iterate_tensors(lowered(*(cast_down(each, torch.bfloat16) for each in inputs)))]
        expected = [*iterate_tensors(module(*inputs))]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.bfloat16
        error = (one.float() - other).square().mean().sqrt() / other.square().mean().sqrt()
        assert error < 0.1
