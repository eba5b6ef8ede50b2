import pytest
import torch

from composer.structures import TensorShape
from composer.testing import check_node_type
from composer_dense.fcos_head import FCOSHead
from composer_dense.retinanet_head import RetinaNetHead

SHAPES = {"p3": TensorShape(channels=8, stride=8), "p4": TensorShape(channels=8, stride=16)}
FEATURES = {"p3": torch.rand(2, 8, 6, 5), "p4": torch.rand(2, 8, 3, 2)}
HEADS = [RetinaNetHead, FCOSHead]


def shapes_of(maps):
    return [tuple(map_.shape[1:]) for map_ in maps]


def test_retinanet_says_something_about_every_class_of_every_anchor():
    head = RetinaNetHead(features_shape=SHAPES, num_classes=3, num_anchors=2)
    logits, deltas = head(FEATURES)
    assert shapes_of(logits) == [(6, 6, 5), (6, 3, 2)]
    assert shapes_of(deltas) == [(8, 6, 5), (8, 3, 2)]


def test_fcos_says_something_about_every_class_of_every_cell():
    logits, distances, centerness = FCOSHead(features_shape=SHAPES, num_classes=3)(FEATURES)
    assert shapes_of(logits) == [(3, 6, 5), (3, 3, 2)]
    assert shapes_of(distances) == [(4, 6, 5), (4, 3, 2)]
    assert shapes_of(centerness) == [(1, 6, 5), (1, 3, 2)]


def test_centerness_of_fcos_comes_from_the_branch_of_the_boxes():
    head = FCOSHead(features_shape=SHAPES, num_classes=3)
    _, _, centerness = head(FEATURES)
    expected = head.ctrness(head.bbox_subnet(FEATURES["p4"], 1))
    torch.testing.assert_close(centerness[1], expected)


@pytest.mark.parametrize("head", HEADS)
def test_they_keep_the_contract_of_node_types(head):
    for mode in ("inference", "training"):
        check_node_type(
            head,
            {"features": {name: map_.repeat(1, 4, 1, 1) for name, map_ in FEATURES.items()}},
            config={"num_classes": 3, "norm": "GN"},
            shapes={"features": {name: TensorShape(channels=32) for name in SHAPES}},
            mode=mode,
        )


@pytest.mark.parametrize("head", HEADS)
def test_all_levels_share_the_weights(head):
    same = {"p3": FEATURES["p4"], "p4": FEATURES["p4"]}
    for maps in head(features_shape=SHAPES, num_classes=80)(same):
        assert torch.equal(maps[0], maps[1])


@pytest.mark.parametrize("head", HEADS)
def test_batch_normalisation_knows_the_level(head):
    built = head(features_shape=SHAPES, num_classes=80, norm="BN").train()
    built(FEATURES)
    means = [built.state_dict()[f"cls_subnet.1.{level}.running_mean"] for level in (0, 1)]
    assert not torch.equal(*means)


@pytest.mark.parametrize("head", HEADS)
def test_classes_are_improbable_at_first(head):
    logits = head(features_shape=SHAPES, num_classes=80, prior_prob=0.02)(FEATURES).class_logits
    assert logits[0].sigmoid().mean().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("head", HEADS)
def test_convolutions_can_be_more_or_fewer_and_have_channels_of_their_own(head):
    built = head(features_shape=SHAPES, num_classes=80, num_convs=1, conv_dim=12)
    assert built.cls_subnet.out_channels == built.bbox_pred.in_channels == 12
    assert not any(name.startswith("cls_subnet.2") for name in built.state_dict())


@pytest.mark.parametrize(
    ("head", "predictors"),
    [
        (RetinaNetHead, ["cls_score", "bbox_pred"]),
        (FCOSHead, ["cls_score", "bbox_pred", "ctrness"]),
    ],
)
def test_weights_are_called_as_in_checkpoints(head, predictors):
    convs = [f"{net}.{index}" for net in ("cls_subnet", "bbox_subnet") for index in (0, 2, 4, 6)]
    names = {f"{layer}.{kind}" for layer in convs + predictors for kind in ("weight", "bias")}
    assert set(head(features_shape=SHAPES, num_classes=80).state_dict()) == names


@pytest.mark.parametrize("head", HEADS)
def test_no_images_have_predictions_of_no_images(head):
    features = {name: map_[:0] for name, map_ in FEATURES.items()}
    assert len(head(features_shape=SHAPES, num_classes=80)(features).class_logits[0]) == 0


@pytest.mark.parametrize("head", HEADS)
def test_levels_can_be_left_out(head):
    assert (
        len(head(features_shape=SHAPES, num_classes=80, in_features=("p4",))(FEATURES).class_logits)
        == 1
    )


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"features_shape": {**SHAPES, "p5": TensorShape(channels=9)}}, "must have the same"),
    ],
)
def test_what_does_not_fit_is_refused(head, options, message):
    with pytest.raises(ValueError, match=message):
        head(**{"features_shape": SHAPES, "num_classes": 80, **options})
