import pytest
import torch
from torch import nn

from composer.structures import TensorShape
from composer_rcnn.region_convs import add_convs

REGIONS = TensorShape(channels=4, height=7, width=7)


def test_convolutions_are_modules_of_the_head_and_numbered():
    head = nn.Module()
    convs = add_convs(head, "conv", x_shape=REGIONS, conv_dims=(8, 6), norm="BN")
    assert list(dict(head.named_children())) == ["conv1", "conv2"]
    assert convs.names == ("conv1", "conv2")
    assert convs.channels == 6
    assert {"conv1.weight", "conv1.norm.weight"} < set(head.state_dict())


def test_they_are_called_one_after_another_each_with_a_relu():
    head = nn.Module()
    convs = add_convs(head, "conv", x_shape=REGIONS, conv_dims=(8, 6))
    x = torch.randn(2, 4, 7, 7)
    found = convs.apply(head, x)
    expected = nn.Sequential(head.conv1, head.conv2)(x)
    assert torch.equal(found, expected)
    assert found.shape == (2, 6, 7, 7)
    assert found.min() == 0


def test_none_of_them_change_nothing():
    head = nn.Module()
    convs = add_convs(head, "conv", x_shape=REGIONS, conv_dims=())
    x = torch.randn(2, 4, 7, 7)
    assert convs.channels == 4
    assert torch.equal(convs.apply(head, x), x)
    assert not list(head.children())


def test_the_channels_must_be_known():
    with pytest.raises(ValueError, match="channels of the regions' features are not known"):
        add_convs(nn.Module(), "conv", x_shape=TensorShape(height=7, width=7), conv_dims=(8,))
