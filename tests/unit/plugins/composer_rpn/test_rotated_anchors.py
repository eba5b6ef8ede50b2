import pytest
import torch

from composer.structures import TensorShape
from composer_rpn.anchors import AnchorGenerator
from composer_rpn.rotated_anchors import RotatedAnchorGenerator
from strategies.rotated_boxes import lay_flat

SHAPES = {"p2": TensorShape(channels=8, stride=4), "p3": TensorShape(channels=8, stride=8)}
FEATURES = {"p2": torch.zeros(2, 8, 6, 5), "p3": torch.zeros(2, 8, 3, 2)}


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_anchors_of_angle_0_are_those_of_the_ordinary_rpn(offset):
    options = {"features_shape": SHAPES, "sizes": ((8.0, 9.0), (16.0, 20.0)), "offset": offset}
    flat = AnchorGenerator(**options)(FEATURES)
    rotated = RotatedAnchorGenerator(**options, angles=((0.0,),))(FEATURES)
    for found, expected in zip(rotated, flat, strict=True):
        torch.testing.assert_close(found, lay_flat(expected))


def test_each_angle_multiplies_the_anchors():
    generator = RotatedAnchorGenerator(
        features_shape=SHAPES, sizes=((8.0,),), angles=((0.0, 45.0), (-30.0,))
    )
    anchors = generator(FEATURES)
    assert [len(level) for level in anchors] == [6 * 5 * 3 * 2, 3 * 2 * 3]
    assert set(anchors[1][:, 4].tolist()) == {-30.0}


def test_a_checkpoint_does_not_hold_them():
    assert not RotatedAnchorGenerator(features_shape=SHAPES).state_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"angles": ((0.0,),) * 3}, "angles are given for 3 levels, but there are 2"),
        ({"offset": 1.0}, "offset"),
        ({"features_shape": {"p2": TensorShape(channels=8)}}, "stride of level 'p2'"),
    ],
)
def test_a_configuration_that_makes_no_anchors_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RotatedAnchorGenerator(**{"features_shape": SHAPES, **options})
