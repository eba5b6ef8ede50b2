import pytest
import torch

from composer.structures import TensorShape
from composer_rcnn.keypoint_head import KeypointHead

REGIONS = TensorShape(channels=4, height=7, width=5)


def test_maps_have_four_times_the_resolution():
    head = KeypointHead(x_shape=REGIONS, num_keypoints=3, conv_dims=(8, 6))
    shape = head.output_shape
    assert head(torch.rand(2, 4, 7, 5)).shape == (2, 3, 28, 20)
    assert (shape.channels, shape.height, shape.width) == (3, 28, 20)


def test_its_weights_are_called_as_in_checkpoints():
    head = KeypointHead(x_shape=REGIONS, conv_dims=(8, 6))
    expected = {"conv_fcn1", "conv_fcn2", "score_lowres"}
    assert {name.partition(".")[0] for name in head.state_dict()} == expected


def test_there_may_be_no_convolution_and_no_regions():
    head = KeypointHead(x_shape=REGIONS, num_keypoints=3, conv_dims=())
    assert list(dict(head.named_children())) == ["score_lowres"]
    found = head(torch.zeros(0, 4, 7, 5))
    assert found.shape == (0, 3, 28, 20)
    assert found.requires_grad


def test_an_unknown_size_of_the_regions_stays_unknown():
    head = KeypointHead(x_shape=TensorShape(channels=4), conv_dims=())
    assert head.output_shape == TensorShape(channels=17)


def test_the_channels_must_be_known():
    with pytest.raises(ValueError, match="not known"):
        KeypointHead(x_shape=TensorShape(height=7, width=7))
