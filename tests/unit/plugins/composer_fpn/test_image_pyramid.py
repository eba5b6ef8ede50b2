import pytest
import torch

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_fpn.image_pyramid import ImagePyramid

SHAPES = {"p2": TensorShape(3, stride=4), "p3": TensorShape(3, stride=8)}


def draw(height, width):
    return {
        name: torch.randn(2, shape.channels, height // shape.stride, width // shape.stride)
        for name, shape in SHAPES.items()
    }


def test_levels_of_the_copy_have_names_and_strides_of_their_own():
    features, smaller = draw(64, 96), draw(32, 48)
    node = ImagePyramid(features_shape=SHAPES, smaller_shape=SHAPES)
    found = node(features, smaller)
    assert list(found) == list(node.output_shape) == ["p2", "p3", "p2_half", "p3_half"]
    assert torch.equal(found["p2"], features["p2"])
    assert torch.equal(found["p2_half"], smaller["p2"])
    for name, shape in node.output_shape.items():
        size = found[name].shape[2:]
        assert size == (64 // shape.stride, 96 // shape.stride)


def test_levels_are_chosen_and_renamed():
    features, smaller = draw(64, 96), draw(32, 48)
    levels = {"p2": "p2", "p3": "p2_half", "p4": "p3_half"}
    node = ImagePyramid(features_shape=SHAPES, smaller_shape=SHAPES, levels=levels)
    found = node(features, smaller)
    assert list(found) == list(node.output_shape) == list(levels)
    assert torch.equal(found["p3"], smaller["p2"])
    assert [shape.stride for shape in node.output_shape.values()] == [4, 8, 16]
    with pytest.raises(ValueError, match="no level p9"):
        ImagePyramid(features_shape=SHAPES, smaller_shape=SHAPES, levels={"p3": "p9"})


def test_it_is_a_well_behaved_node_type():
    check_node_type(
        ImagePyramid,
        {"features": draw(64, 96), "smaller": draw(32, 48)},
        shapes={"features": SHAPES, "smaller": SHAPES},
    )


def test_a_name_can_be_given_once_only():
    with pytest.raises(ValueError, match="level 'p2' already: choose another suffix"):
        ImagePyramid(features_shape=SHAPES, smaller_shape=SHAPES, suffix="")


def test_strides_must_be_known():
    with pytest.raises(ValueError, match="stride of level 'p2' is not known"):
        ImagePyramid(features_shape=SHAPES, smaller_shape={"p2": TensorShape(3)})
