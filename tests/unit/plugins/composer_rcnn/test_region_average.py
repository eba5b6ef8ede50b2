import torch

from composer.structures import TensorShape
from composer_rcnn.region_average import RegionAverage


def test_a_region_becomes_a_vector():
    module = RegionAverage(x_shape=TensorShape(channels=3, height=2, width=4))
    x = torch.rand(5, 3, 2, 4)
    torch.testing.assert_close(module(x), x.flatten(2).mean(dim=2))
    assert module(x[:0]).shape == (0, 3)
    assert module.output_shape == TensorShape(channels=3)
