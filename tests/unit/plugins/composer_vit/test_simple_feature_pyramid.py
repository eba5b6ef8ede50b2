import pytest
import torch

from composer.structures import TensorShape
from composer_vit.vit.simple_feature_pyramid import SimpleFeaturePyramid

SHAPES = {"last_feat": TensorShape(channels=16, stride=16)}


def build(**options):
    return SimpleFeaturePyramid(features_shape=SHAPES, **{"out_channels": 8, **options})


@pytest.mark.parametrize(
    ("options", "strides"),
    [
        ({}, {"p2": 4, "p3": 8, "p4": 16, "p5": 32, "p6": 64}),
        ({"top_block": ""}, {"p2": 4, "p3": 8, "p4": 16, "p5": 32}),
        (
            {"scale_factors": (2.0, 1.0, 0.5), "top_block": "p6p7"},
            {"p3": 8, "p4": 16, "p5": 32, "p6": 64, "p7": 128},
        ),
        ({"norm": "", "scale_factors": (4.0,)}, {"p2": 4, "p3": 8}),
    ],
)
def test_levels_have_the_shapes_that_are_announced(options, strides):
    pyramid = build(**options)
    assert {name: shape.stride for name, shape in pyramid.output_shape.items()} == strides
    levels = pyramid({"last_feat": torch.rand(2, 16, 8, 12)})
    assert list(levels) == list(strides)
    for name, stride in strides.items():
        height, width = -(-128 // stride), -(-192 // stride)
        assert levels[name].shape == (2, 8, height, width)


def test_the_last_level_is_the_default():
    shapes = {"first": TensorShape(channels=4, stride=8), **SHAPES}
    assert SimpleFeaturePyramid(features_shape=shapes).in_feature == "last_feat"
    named = SimpleFeaturePyramid(features_shape=shapes, in_feature="first", scale_factors=(1.0,))
    assert list(named.output_shape) == ["p3", "p4"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale_factors": ()}, "scale_factors are some of"),
        ({"scale_factors": (3.0,)}, "scale_factors are some of"),
        ({"scale_factors": (0.5, 1.0)}, "from the finest level on"),
        ({"in_feature": "p7"}, "there is no level p7"),
    ],
)
def test_what_makes_no_pyramid_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize("shape", [TensorShape(channels=16), TensorShape(16, stride=14)])
def test_a_map_without_a_stride_that_levels_can_double_is_refused(shape):
    with pytest.raises(ValueError, match="stride of 'last_feat'"):
        SimpleFeaturePyramid(features_shape={"last_feat": shape})
