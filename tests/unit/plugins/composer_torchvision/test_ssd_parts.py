"""torchvision's parts of SSD as nodes."""

import pytest
import torch
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList as TorchvisionImages

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer_torchvision.default_boxes import TorchvisionDefaultBoxes
from composer_torchvision.key_mapping import TorchvisionMapping
from composer_torchvision.pyramid import TorchvisionPyramid
from composer_torchvision.ssd_backbones import TorchvisionSSDBackbone, TorchvisionSSDLiteBackbone
from composer_torchvision.ssd_head import TorchvisionSSDHead

IMAGES = TensorShape(channels=3, stride=1)
LEVELS = {"a": TensorShape(4, stride=8), "b": TensorShape(6, stride=16)}


@pytest.mark.parametrize(
    ("node_type", "size", "sides"),
    [
        (TorchvisionSSDBackbone, 300, [38, 19, 10, 5, 3, 1]),
        (TorchvisionSSDLiteBackbone, 320, [20, 10, 5, 3, 2, 1]),
    ],
)
def test_levels_have_the_shapes_that_are_announced(node_type, size, sides):
    with torch.device("meta"):
        backbone = node_type(images_shape=IMAGES).eval()
        features = backbone(ImageList(torch.empty(2, 3, size, size), [(size, size)] * 2))
    assert list(features) == list(backbone.output_shape)
    assert [map_.shape[-1] for map_ in features.values()] == sides
    channels = [shape.channels for shape in backbone.output_shape.values()]
    assert [map_.shape[1] for map_ in features.values()] == channels


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "mobilenet_v3_small"])
def test_the_finest_level_is_inside_of_the_last_block_with_a_stride(name):
    with torch.device("meta"):
        backbone = TorchvisionSSDLiteBackbone(images_shape=IMAGES, name=name).eval()
        features = backbone(ImageList(torch.empty(1, 3, 320, 320), [(320, 320)]))
    assert [features[level].shape[-1] for level in ("c4", "c5")] == [20, 10]


def test_normalisations_are_frozen_where_that_is_asked_for():
    with torch.device("meta"):
        backbone = TorchvisionSSDLiteBackbone(images_shape=IMAGES, norm="FrozenBN")
        head = TorchvisionSSDHead(
            features_shape=LEVELS,
            num_classes=2,
            num_anchors=(4, 4),
            separable=True,
            norm="FrozenBN",
        )
    for module in (backbone, head):
        kinds = {type(each) for each in module.modules()}
        assert FrozenBatchNorm2d in kinds
        assert torch.nn.BatchNorm2d not in kinds


@pytest.mark.parametrize(
    "options",
    [
        {"scales": (0.1, 0.3, 0.5), "steps": (8.0, 16.0)},
        {"min_ratio": 0.2, "max_ratio": 0.95},
        {"scales": (0.1, 0.9, 1.4), "clip": False},
    ],
)
def test_default_boxes_are_those_of_torchvision(options):
    ratios = ((2.0,), (2.0, 3.0))
    ours = TorchvisionDefaultBoxes(features_shape=LEVELS, aspect_ratios=ratios, **options)
    images = ImageList(torch.zeros(2, 3, 64, 96), [(64, 96), (60, 96)])
    features = {"a": torch.zeros(2, 4, 8, 12), "b": torch.zeros(2, 6, 4, 6)}
    theirs = DefaultBoxGenerator([list(one) for one in ratios], **options)
    expected, _ = theirs(TorchvisionImages(images.tensor, [(64, 96)] * 2), list(features.values()))
    found = ours(images, features)
    assert [len(level) for level in found] == [8 * 12 * 4, 4 * 6 * 6]
    assert torch.equal(torch.cat(found), expected)
    halves = {name: map_.half() for name, map_ in features.items()}
    assert torch.equal(torch.cat(ours(images, halves)), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aspect_ratios": ((2.0,),)}, "aspect_ratios: 1 values are given, but 2"),
        ({"aspect_ratios": ((2.0,), (2.0,)), "scales": (0.1, 0.2)}, "scales: 2 .* but 3"),
        ({"aspect_ratios": ((2.0,), (2.0,)), "steps": (8.0,)}, "steps: 1 .* but 2"),
    ],
)
def test_values_for_another_number_of_levels_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TorchvisionDefaultBoxes(features_shape=LEVELS, **options)


@pytest.mark.parametrize("separable", [False, True])
def test_a_head_predicts_in_maps(separable):
    head = TorchvisionSSDHead(
        features_shape=LEVELS, num_classes=2, num_anchors=(4, 6), separable=separable
    )
    found = head({"a": torch.rand(2, 4, 3, 5), "b": torch.rand(2, 6, 2, 2)})
    assert [tuple(level.shape) for level in found.class_logits] == [(2, 12, 3, 5), (2, 18, 2, 2)]
    assert [tuple(level.shape) for level in found.box_deltas] == [(2, 16, 3, 5), (2, 24, 2, 2)]
    with pytest.raises(ValueError, match="for 1 levels, but there are 2"):
        TorchvisionSSDHead(features_shape=LEVELS, num_classes=2, num_anchors=(4,))


def test_a_class_predictor_gets_the_background_last_for_each_default_box():
    prefix = "head.classification_head.module_list.3"
    state = {
        f"{prefix}.0.1.bias": torch.arange(3.0),  # a normalisation
        f"{prefix}.1.bias": torch.tensor([0.0, 1.0, 2.0, 10.0, 11.0, 12.0]),
        "head.regression_head.module_list.3.1.bias": torch.arange(8.0),
    }
    assert TorchvisionMapping().recognises(state)
    renamed = TorchvisionMapping().rename(state)
    assert renamed["head.cls_score.3.1.bias"].tolist() == [1, 2, 0, 11, 12, 10]
    assert renamed["head.cls_score.3.0.1.bias"].tolist() == [0, 1, 2]
    assert renamed["head.bbox_pred.3.1.bias"].tolist() == list(range(8))


def test_a_class_predictor_without_its_boxes_is_left_out():
    state = {"head.classification_head.module_list.0.bias": torch.arange(6.0)}
    assert TorchvisionMapping().rename(state) == {}


def test_our_own_names_are_not_taken_for_torchvisions():
    head = TorchvisionSSDHead(features_shape=LEVELS, num_classes=2, num_anchors=(4, 4))
    assert not TorchvisionMapping().recognises([f"head.{key}" for key in head.state_dict()])


def test_a_pyramid_of_levels_of_one_stride_keeps_their_names():
    shapes = {"first": TensorShape(4, stride=32), "last": TensorShape(6, stride=32)}
    pyramid = TorchvisionPyramid(features_shape=shapes, out_channels=8)
    found = pyramid({"first": torch.rand(1, 4, 4, 6), "last": torch.rand(1, 6, 4, 6)})
    assert {name: shape.stride for name, shape in pyramid.output_shape.items()} == {
        "first": 32,
        "last": 32,
        "pool": 64,
    }
    assert {name: tuple(map_.shape) for name, map_ in found.items()} == {
        "first": (1, 8, 4, 6),
        "last": (1, 8, 4, 6),
        "pool": (1, 8, 2, 3),
    }
    assert "inner_blocks.0.0.weight" in pyramid.state_dict()
    with pytest.raises(ValueError, match="not all known"):
        TorchvisionPyramid(features_shape={"first": TensorShape(stride=32)})


def test_old_and_new_names_of_a_pyramid_on_a_mobile_network_are_known():
    body = {"backbone.body.0.0.weight": torch.zeros(1), "rpn.head.conv.weight": torch.zeros(1)}
    for old in ("", ".0"):
        keys = [f"backbone.fpn.{kind}_blocks.1{old}.bias" for kind in ("inner", "layer")]
        renamed = TorchvisionMapping().rename({**body, **dict.fromkeys(keys, torch.zeros(1))})
        assert set(renamed) == {
            "backbone.bottom_up.features.0.0.weight",
            "backbone.fpn.inner_blocks.1.0.bias",
            "backbone.fpn.layer_blocks.1.0.bias",
            "proposal_generator.rpn_head.conv.weight",
        }
