import pytest
import torch
import torch.nn.functional as F

from composer.structures import TensorShape
from composer_fpn.fpn import FPN

SHAPES = {f"res{level}": TensorShape(channels=4 * level, stride=2**level) for level in (2, 3, 4, 5)}


def features_of(height=64, width=96, num_images=2):
    return {
        name: torch.rand(num_images, s.channels, height // s.stride, width // s.stride)
        for name, s in SHAPES.items()
    }


@pytest.mark.parametrize(
    ("top_block", "levels"),
    [
        ("", ["p2", "p3", "p4", "p5"]),
        ("maxpool", ["p2", "p3", "p4", "p5", "p6"]),
        ("p6p7", ["p2", "p3", "p4", "p5", "p6", "p7"]),
    ],
)
def test_levels_have_the_shapes_that_are_announced(top_block, levels):
    fpn = FPN(features_shape=SHAPES, out_channels=8, top_block=top_block)
    pyramid = fpn(features_of(128, 256))
    assert list(pyramid) == list(fpn.output_shape) == levels
    for name, shape in fpn.output_shape.items():
        assert pyramid[name].shape == (2, 8, 128 // shape.stride, 256 // shape.stride)


def test_each_level_adds_the_upsampled_level_above():
    fpn = FPN(features_shape=SHAPES, out_channels=8)
    features = features_of()
    p5 = fpn.fpn_lateral5(features["res5"])
    p4 = fpn.fpn_lateral4(features["res4"]) + p5.repeat_interleave(2, 2).repeat_interleave(2, 3)
    pyramid = fpn(features)
    torch.testing.assert_close(pyramid["p5"], fpn.fpn_output5(p5))
    torch.testing.assert_close(pyramid["p4"], fpn.fpn_output4(p4))


def test_averaging_halves_the_sum():
    features = features_of()
    fpn = FPN(features_shape=SHAPES, out_channels=8, fuse_type="avg")
    p5 = fpn.fpn_lateral5(features["res5"])
    p4 = (fpn.fpn_lateral4(features["res4"]) + F.interpolate(p5, scale_factor=2.0)) / 2
    torch.testing.assert_close(fpn(features)["p4"], fpn.fpn_output4(p4))


def test_the_pooled_top_level_takes_every_second_cell():
    pyramid = FPN(features_shape=SHAPES, out_channels=8)(features_of(96, 96))
    assert torch.equal(pyramid["p6"], pyramid["p5"][:, :, ::2, ::2])


@pytest.mark.parametrize(
    ("in_feature", "source", "channels"),
    [(None, "res5", 20), ("p5", "p5", 8), ("res3", "res3", 12)],
)
def test_the_convolved_top_levels_start_where_they_are_told_to(in_feature, source, channels):
    fpn = FPN(
        features_shape=SHAPES, out_channels=8, top_block="p6p7", top_block_in_feature=in_feature
    )
    features = features_of()
    pyramid = fpn(features)
    assert fpn.top_block.p6.in_channels == channels
    p6 = fpn.top_block.p6({**features, **pyramid}[source])
    torch.testing.assert_close(pyramid["p6"], p6)
    torch.testing.assert_close(pyramid["p7"], fpn.top_block.p7(F.relu(p6)))


def test_a_part_of_the_levels_can_be_used():
    fpn = FPN(features_shape=SHAPES, in_features=("res3", "res4"), out_channels=8)
    assert list(fpn(features_of())) == list(fpn.output_shape) == ["p3", "p4", "p5"]


def test_its_weights_are_called_as_in_checkpoints():
    keys = set(FPN(features_shape=SHAPES, out_channels=8, top_block="p6p7").state_dict())
    layers = [f"fpn_{part}{level}" for part in ("lateral", "output") for level in (2, 3, 4, 5)]
    layers += ["top_block.p6", "top_block.p7"]
    assert keys == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    assert (
        "fpn_lateral2.norm.weight"
        in FPN(features_shape=SHAPES, out_channels=32, norm="GN").state_dict()
    )


def test_no_images_have_a_pyramid_of_no_images():
    pyramid = FPN(features_shape=SHAPES, out_channels=8)(features_of(num_images=0))
    assert [len(level) for level in pyramid.values()] == [0] * 5


def test_the_features_stay_as_they_were():
    features = features_of()
    before = {name: map_.clone() for name, map_ in features.items()}
    FPN(features_shape=SHAPES, out_channels=8)(features)
    assert list(features) == list(before)
    assert all(torch.equal(features[name], before[name]) for name in before)


def test_sizes_that_are_not_halves_are_refused_with_a_way_out():
    features = features_of()
    features["res4"] = features["res4"][:, :, :3]
    with pytest.raises(ValueError, match=r"'res4' has .* multiple of 32 pixels"):
        FPN(features_shape=SHAPES, out_channels=8)(features)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("res2", "res9")}, "no level res9, only res2"),
        ({"in_features": ()}, "none is named"),
        ({"in_features": ("res2", "res4")}, r"strides double, .* \[4, 16\]"),
        ({"top_block_in_feature": "res9"}, "no level 'res9'"),
        ({"features_shape": {"res2": TensorShape(channels=3)}}, "stride of level 'res2'"),
        ({"features_shape": {"res2": TensorShape(stride=4)}}, "channels of 'res2' is not known"),
    ],
)
def test_levels_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FPN(**{"features_shape": SHAPES, **options})
