import pytest
import torch
import torch.nn.functional as F

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_cspnet.detection_maps import DetectionMaps

SHAPES = {
    name: TensorShape(channels=4 * 2**index, stride=4 * 2**index)
    for index, name in enumerate(("c2", "c3", "c4", "c5"))
}


def draw(height=64, width=96, **options):
    return {
        name: torch.randn(
            2, shape.channels, height // shape.stride, width // shape.stride, **options
        )
        for name, shape in SHAPES.items()
    }


def build(**options):
    return DetectionMaps(
        features_shape=SHAPES, **{"in_features": ("c3", "c4", "c5"), "channels": 6, **options}
    )


@torch.no_grad()
def test_it_computes_the_published_layers():
    model = build().double()
    features = draw(dtype=torch.float64)
    state = model.state_dict()
    c3, c4, c5 = (
        F.conv2d(features[n], state[f"laterals.{n}.weight"], state[f"laterals.{n}.bias"])
        for n in ("c3", "c4", "c5")
    )
    c4 = c4 + F.interpolate(c5, scale_factor=2, mode="bilinear")
    c3 = c3 + F.interpolate(c4, scale_factor=2, mode="bilinear")
    c4 = c4 + F.avg_pool2d(c3, 2)  # what bilinear sampling at half of the size computes
    c5 = c5 + F.avg_pool2d(c4, 2)
    found = model(features)
    assert list(found) == ["c3", "c4", "c5"]
    for name, map_ in (("c3", c3), ("c4", c4), ("c5", c5)):
        conv = state[f"convs.{name}.weight"], state[f"convs.{name}.bias"]
        hidden = F.leaky_relu(F.conv2d(map_, *conv, padding=1), 0.1)
        torch.testing.assert_close(found[name], hidden)


def test_the_shapes_are_those_that_are_announced():
    model = build()
    found = model(draw())
    assert list(found) == list(model.output_shape) == ["c3", "c4", "c5"]
    for name, shape in model.output_shape.items():
        assert found[name].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)
    assert {shape.channels for shape in model.output_shape.values()} == {6}


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {"channels": 6, "norm": "BN", "in_features": ("c4", "c5")}
    check_node_type(
        DetectionMaps, {"features": draw()}, config=config, shapes={"features": SHAPES}, mode=mode
    )


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"c3": TensorShape(4, stride=8), "c5": TensorShape(4, stride=32)}, r"are \[8, 32\]"),
        ({"c3": TensorShape(stride=8)}, "channels of 'c3' is not known"),
    ],
)
def test_levels_that_do_not_fit_are_named(shapes, message):
    with pytest.raises(ValueError, match=message):
        DetectionMaps(features_shape=shapes)
