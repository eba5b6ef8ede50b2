"""Frozen normalisations of timm's networks keep their activations."""

import pytest
import torch

pytest.importorskip("timm")

from composer.structures import ImageList, TensorShape
from composer_timm.backbone import TimmBackbone


@pytest.mark.parametrize("name", ["mobilenetv2_050", "resnet18"])
def test_frozen_network_gives_the_maps_of_the_unfrozen_one(name):
    images = ImageList(torch.randn(1, 3, 64, 64), [(64, 64)])
    built = []
    for norm in ("", "FrozenBN"):
        torch.manual_seed(0)
        shape = TensorShape(channels=3, stride=1)
        built.append(TimmBackbone(images_shape=shape, name=name, norm=norm).eval())
    with torch.no_grad():
        free, frozen = (module(images) for module in built)
    assert built[0].state_dict().keys() == built[1].state_dict().keys()
    for level, map_ in free.items():
        torch.testing.assert_close(frozen[level], map_, rtol=1e-4, atol=1e-4)
