import pytest
import torch

from composer.structures import TensorShape
from composer_rpn.rpn_head import RPNHead

SHAPES = {"p2": TensorShape(channels=8, stride=4), "p3": TensorShape(channels=8, stride=8)}
FEATURES = {"p2": torch.rand(2, 8, 6, 5), "p3": torch.rand(2, 8, 3, 2)}


def test_it_says_something_about_every_anchor_of_every_level():
    objectness, deltas = RPNHead(features_shape=SHAPES, num_anchors=5)(FEATURES)
    assert [tuple(level.shape) for level in objectness] == [(2, 5, 6, 5), (2, 5, 3, 2)]
    assert [tuple(level.shape) for level in deltas] == [(2, 20, 6, 5), (2, 20, 3, 2)]


def test_all_levels_share_the_weights():
    head = RPNHead(features_shape=SHAPES)
    same = {"p2": FEATURES["p3"], "p3": FEATURES["p3"]}
    objectness, deltas = head(same)
    assert torch.equal(objectness[0], objectness[1])
    assert torch.equal(deltas[0], deltas[1])


def test_a_single_convolution_is_called_conv():
    keys = list(RPNHead(features_shape=SHAPES).state_dict())
    layers = ("conv", "objectness_logits", "anchor_deltas")
    assert keys == [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


def test_several_convolutions_are_numbered():
    head = RPNHead(features_shape=SHAPES, conv_dims=(16, -1))
    assert head.conv.conv0.out_channels == 16
    assert head.conv.conv1.out_channels == 16
    assert head(FEATURES).objectness[0].shape == (2, 3, 6, 5)


def test_weights_start_small():
    head = RPNHead(features_shape=SHAPES)
    assert head.conv.weight.std().item() == pytest.approx(0.01, rel=0.2)
    assert all(not layer.bias.any() for layer in (head.conv, head.objectness_logits))


def test_levels_can_be_left_out():
    head = RPNHead(features_shape=SHAPES, in_features=("p3",))
    assert len(head(FEATURES).objectness) == 1


def test_no_images_have_predictions_of_no_images():
    features = {name: map_[:0] for name, map_ in FEATURES.items()}
    assert RPNHead(features_shape=SHAPES)(features).deltas[0].shape == (0, 12, 6, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"conv_dims": ()}, "at least one"),
        ({"features_shape": {**SHAPES, "p4": TensorShape(channels=9)}}, "must have the same"),
        ({"features_shape": {"p2": TensorShape(stride=4)}}, "None channels"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RPNHead(**{"features_shape": SHAPES, **options})
