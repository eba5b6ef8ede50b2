import pytest
import torch

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_point_rend.coarse_mask_head import CoarseMaskHead
from composer_point_rend.point_head import CoarsePoints, PointHead

POOLED = TensorShape(8, height=6, width=6)


def coarse(**options):
    sizes = {"num_classes": 3, "conv_dim": 8, "fc_dims": (5, 5), "output_size": 4}
    return CoarseMaskHead(x_shape=POOLED, **{**sizes, **options})


def points(**options):
    shapes = {"features_shape": TensorShape(6), "coarse_shape": TensorShape(3)}
    return PointHead(**{**shapes, "num_classes": 3, "fc_dims": (5, 5), **options})


@pytest.mark.parametrize("num_regions", [0, 2])
def test_coarse_masks_have_a_channel_a_class(num_regions):
    head = coarse()
    assert head.output_shape == TensorShape(3, height=4, width=4)
    assert head(torch.rand(num_regions, 8, 6, 6)).shape == (num_regions, 3, 4, 4)


def test_channels_are_reduced_where_there_are_more():
    assert coarse().reduce_channel_dim_conv is None
    head = coarse(conv_dim=2)
    assert head.reduce_channel_dim_conv.weight.shape == (2, 8, 1, 1)
    assert head(torch.rand(2, 8, 6, 6)).shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x_shape": TensorShape(8)}, "not known"),
        ({"x_shape": TensorShape(8, height=5, width=6)}, "cannot be halved"),
        ({"conv_dim": 16}, "features have 8 channels"),
        ({"fc_dims": ()}, "names no layer"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CoarseMaskHead(**{"x_shape": POOLED, "num_classes": 3, "conv_dim": 8, **options})


def test_each_layer_is_given_the_coarse_prediction_again():
    again, once = points(), points(coarse_pred_each_layer=False)
    assert [again.fc1.in_channels, again.fc2.in_channels, again.predictor.in_channels] == [9, 8, 8]
    assert [once.fc1.in_channels, once.fc2.in_channels, once.predictor.in_channels] == [9, 5, 5]


@pytest.mark.parametrize("num_regions", [0, 2])
def test_points_have_a_logit_a_class_or_one_in_all(num_regions):
    values = torch.rand(num_regions, 6, 7), torch.rand(num_regions, 3, 7)
    assert points()(*values).shape == (num_regions, 3, 7)
    shared = points(cls_agnostic_mask=True)
    assert shared.output_shape == TensorShape(1)
    assert shared(*values).shape == (num_regions, 1, 7)


def test_points_do_not_see_each_other():
    head = points()
    features, prediction = torch.rand(1, 6, 7), torch.rand(1, 3, 7)
    before = head(features, prediction)
    features[..., 3] += 1
    after = head(features, prediction)
    same = (before == after).all(dim=1)[0]
    assert same.tolist() == [index != 3 for index in range(7)]


def test_channels_of_points_must_be_known():
    with pytest.raises(ValueError, match="channels of points are not known"):
        points(features_shape=TensorShape())


def test_the_coarse_prediction_must_be_for_as_many_classes():
    with pytest.raises(ValueError, match="num_classes is 4, but the coarse prediction has 3"):
        points(num_classes=4)


def test_coarse_predictions_are_interpolated():
    node = CoarsePoints(logits_shape=TensorShape(3, height=2, width=2))
    assert node.output_shape == TensorShape(3)
    logits = torch.rand(1, 3, 2, 2)
    found = node(logits, torch.tensor([[[0.5, 0.5]]]))
    torch.testing.assert_close(found[..., 0], logits.mean(dim=(2, 3)))


def test_they_are_well_behaved_node_types():
    config = {"num_classes": 3, "conv_dim": 8, "fc_dims": (5,), "output_size": 4}
    inputs = {"x": torch.rand(2, 8, 6, 6)}
    check_node_type(CoarseMaskHead, inputs, config=config, shapes={"x": POOLED})
    inputs = {"features": torch.rand(2, 6, 7), "coarse": torch.rand(2, 3, 7)}
    shapes = {"features": TensorShape(6), "coarse": TensorShape(3)}
    check_node_type(PointHead, inputs, config={"num_classes": 3}, shapes=shapes)
