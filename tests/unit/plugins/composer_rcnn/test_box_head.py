import pytest
import torch

from composer.structures import TensorShape
from composer_rcnn.box_head import BoxHead

REGIONS = TensorShape(channels=4, height=5, width=3)


@pytest.mark.parametrize(
    ("options", "shape", "keys"),
    [
        ({"fc_dims": (6, 7)}, (7,), {"fc1", "fc2"}),
        ({"conv_dims": (8, 9), "fc_dims": (6,)}, (6,), {"conv1", "conv2", "fc1"}),
        ({"conv_dims": (8,), "fc_dims": ()}, (8, 5, 3), {"conv1"}),
    ],
)
def test_it_gives_what_it_announces(options, shape, keys):
    head = BoxHead(x_shape=REGIONS, **options)
    assert head(torch.rand(2, 4, 5, 3)).shape == (2, *shape)
    announced = head.output_shape
    assert (announced.channels, announced.height, announced.width) == (*shape, None, None)[:3]
    assert {name.split(".")[0] for name in head.state_dict()} == keys


def test_every_layer_ends_with_a_relu():
    head = BoxHead(x_shape=REGIONS, conv_dims=(8,), fc_dims=(6,))
    assert head(torch.randn(50, 4, 5, 3)).min() == 0


def test_convolutions_can_be_normalised():
    head = BoxHead(x_shape=REGIONS, conv_dims=(32,), fc_dims=(6,), norm="GN")
    assert "conv1.norm.weight" in head.state_dict()


def test_no_regions_have_no_vectors():
    head = BoxHead(x_shape=REGIONS, conv_dims=(8,), fc_dims=(6,))
    assert head(torch.zeros(0, 4, 5, 3)).shape == (0, 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fc_dims": ()}, "a layer at least"),
        ({"x_shape": TensorShape(channels=4)}, "size of the regions is not known"),
    ],
)
def test_what_makes_no_head_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BoxHead(**{"x_shape": REGIONS, **options})
