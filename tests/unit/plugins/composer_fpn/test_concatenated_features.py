import pytest
import torch

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_fpn.concatenated_features import ConcatenatedFeatures

SHAPES = {"c3": TensorShape(2, stride=8), "c4": TensorShape(4, stride=16)}
ADDED = {"c4": TensorShape(3, stride=16)}


def draw(shapes):
    return {
        name: torch.randn(2, shape.channels, 32 // shape.stride, 64 // shape.stride)
        for name, shape in shapes.items()
    }


def test_added_channels_come_last_and_other_levels_stay():
    features, added = draw(SHAPES), draw(ADDED)
    node = ConcatenatedFeatures(features_shape=SHAPES, added_shape=ADDED)
    found = node(features, added)
    assert list(found) == list(node.output_shape) == ["c3", "c4"]
    assert torch.equal(found["c3"], features["c3"])
    assert torch.equal(found["c4"][:, :4], features["c4"])
    assert torch.equal(found["c4"][:, 4:], added["c4"])
    assert node.output_shape["c4"] == TensorShape(7, stride=16)


def test_it_is_a_well_behaved_node_type():
    check_node_type(
        ConcatenatedFeatures,
        {"features": draw(SHAPES), "added": draw(ADDED)},
        shapes={"features": SHAPES, "added": ADDED},
    )


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"c5": TensorShape(3, stride=32)}, "no level 'c5'; levels: c3, c4"),
        ({"c4": TensorShape(3, stride=8)}, "'c4' has strides of 16 and 8"),
        ({"c4": TensorShape(stride=16)}, "channels of 'c4' is not known"),
    ],
)
def test_levels_that_do_not_fit_are_named(added, message):
    with pytest.raises(ValueError, match=message):
        ConcatenatedFeatures(features_shape=SHAPES, added_shape=added)
