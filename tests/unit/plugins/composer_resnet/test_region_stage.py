import pytest
import torch

from composer.structures import TensorShape
from composer_resnet.region_stage import RegionStage
from composer_resnet.resnet import ResNet

REGIONS = TensorShape(channels=32, height=7, width=6)
SMALL = {"res2_out_channels": 8, "width_per_group": 2}


def test_it_is_the_last_stage_of_a_network():
    network = ResNet(
        images_shape=TensorShape(channels=3), out_features=("res5",), stem_out_channels=4, **SMALL
    )
    stage = RegionStage(x_shape=TensorShape(channels=32), **SMALL)
    stage.load_state_dict(network.res5.state_dict())
    x = torch.rand(3, 32, 7, 6)
    torch.testing.assert_close(stage(x), network.res5(x))


def test_it_says_what_it_gives():
    stage = RegionStage(x_shape=REGIONS, num_blocks=1, **SMALL)
    found = stage(torch.rand(2, 32, 7, 6))
    shape = stage.output_shape
    assert found.shape == (2, 64, 4, 3)
    assert (shape.channels, shape.height, shape.width) == (64, 4, 3)
    assert RegionStage(x_shape=TensorShape(channels=32)).output_shape == TensorShape(channels=2048)


def test_there_may_be_no_regions():
    assert RegionStage(x_shape=REGIONS, **SMALL)(torch.zeros(0, 32, 7, 6)).shape == (0, 64, 4, 3)


def test_the_channels_must_be_known():
    with pytest.raises(ValueError, match="not known"):
        RegionStage(x_shape=TensorShape(height=7, width=7))
