import pytest
import torch
from torch import nn
from torchvision import models

from composer.structures import TensorShape
from composer_torchvision.network_levels import find_network_levels


def build(name):
    with torch.device("meta"):
        return models.get_model(name, weights=None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", {"c2": "layer1", "c3": "layer2", "c4": "layer3", "c5": "layer4"}),
        ("vgg11", {"c2": "features.9", "c3": "features.14", "c5": "features"}),
        ("mobilenet_v2", {"c2": "features.3", "c3": "features.6", "c4": "features.13"}),
        ("densenet121", {"c2": "features.denseblock1", "c4": "features.denseblock3"}),
        ("convnext_tiny", {"c2": "features.1", "c3": "features.3", "c5": "features"}),
    ],
)
def test_a_level_is_the_last_part_at_its_stride(name, expected):
    found = find_network_levels(build(name))
    assert {level: found[level].part for level in expected} == expected
    assert [level.shape.stride for level in found.values()] == sorted(
        2 ** int(level[1:]) for level in found
    )


def test_maps_with_the_channels_last_are_told_apart():
    found = find_network_levels(build("swin_t"))
    assert {name: level.channels_last for name, level in found.items()} == {
        "c2": True,
        "c3": True,
        "c4": True,
        "c5": False,
    }
    assert found["c3"].shape == TensorShape(channels=192, stride=8)


def test_a_part_of_ones_own_choice_becomes_a_level():
    found = find_network_levels(build("resnet18"), {"c4": "layer3.0.conv1", "fine": "relu"})
    assert found["c4"].part == "layer3.0.conv1"
    assert found["c5"].part == "layer4"
    assert found["fine"].shape == TensorShape(channels=64, stride=2)


@pytest.mark.parametrize("part", ["layer9", "fc", "avgpool"])
def test_a_part_that_gives_no_level_is_refused(part):
    with pytest.raises(ValueError, match=f"'{part}' is no part of the network"):
        find_network_levels(build("resnet18"), {"c4": part})


def test_a_network_for_one_size_is_refused():
    with pytest.raises(ValueError, match="cannot be run on an image of 224 x 256"):
        find_network_levels(build("vit_b_16"))


def test_the_network_stays_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.BatchNorm2d(4)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert find_network_levels(network)["c2"].part == "1"
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network[0]._forward_hooks
