"""Head, losses and proposals of a dense detector with distributions of distances."""

import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, ImageList, TensorShape
from composer.testing import check_node_type
from composer_dense.dense_proposals import dense_proposals
from composer_dense.gfl_head import GFLHead
from composer_dense.gfl_loss import gfl_loss

NUM_CLASSES, NUM_BINS = 3, 5
CELLS = torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [16.0, 0.0, 24.0, 8.0]])
OBJECT = torch.tensor([[0.0, 0.0, 16.0, 8.0]])  # 0.5, 0.5, 1.5 and 0.5 strides from the first cell
SHAPES = {"c3": TensorShape(4, stride=8), "c4": TensorShape(6, stride=16)}


def draw_features():
    return {
        name: torch.randn(2, shape.channels, 32 // shape.stride, 64 // shape.stride)
        for name, shape in SHAPES.items()
    }


def build_head(**options):
    return GFLHead(
        features_shape=SHAPES, **{"num_classes": NUM_CLASSES, "num_bins": NUM_BINS, **options}
    )


def test_distances_are_the_means_of_their_distributions():
    head = build_head()
    with torch.no_grad():
        for predictor in head.predictors.values():
            predictor.weight.mul_(100)
        found = head(draw_features())
    for level, name in enumerate(SHAPES):
        logits = found.distance_logits[level]
        height, width = logits.shape[2:]
        assert found.class_logits[level].shape == (2, NUM_CLASSES, height, width), name
        chances = logits.reshape(2, 4, NUM_BINS, height, width).softmax(dim=2)
        means = sum(value * chances[:, :, value] for value in range(NUM_BINS))
        torch.testing.assert_close(found.edge_distances[level], means)


def test_classes_have_a_low_probability_at_first():
    found = build_head(prior_prob=0.02)(draw_features())
    for logits in found.class_logits:
        assert logits.sigmoid().mean().item() == pytest.approx(0.02, rel=0.1)


def test_levels_can_share_their_layers():
    shapes = {**SHAPES, "c3_half": TensorShape(4, stride=16)}
    head = GFLHead(features_shape=shapes, num_classes=1, shared_layers={"c3_half": "c3"})
    assert list(head.predictors) == ["c3", "c4"]
    features = draw_features()
    found = head({**features, "c3_half": features["c3"]})
    assert torch.equal(found.class_logits[2], found.class_logits[0])
    with pytest.raises(ValueError, match="all must have the same"):
        GFLHead(features_shape=shapes, num_classes=1, shared_layers={"c3_half": "c4"})
    with pytest.raises(ValueError, match="no level c9"):
        GFLHead(features_shape=shapes, num_classes=1, shared_layers={"c3_half": "c9"})


def test_a_level_without_known_channels_is_named():
    with pytest.raises(ValueError, match="channels of 'c3' is not known"):
        GFLHead(features_shape={"c3": TensorShape(stride=8)}, num_classes=1)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_the_head_is_a_well_behaved_node_type(mode):
    config = {"num_classes": NUM_CLASSES, "num_bins": NUM_BINS}
    features = {"features": draw_features()}
    check_node_type(GFLHead, features, config=config, shapes={"features": SHAPES}, mode=mode)


def as_map(rows):
    """One level with a cell a row."""
    return [rows.T[None, :, None]]


def losses_of(classes, *, logits=None, distances=None, bins=None, **options):
    logits = torch.zeros(3, NUM_CLASSES) if logits is None else logits
    distances = torch.ones(3, 4) if distances is None else distances
    bins = torch.zeros(3, 4 * NUM_BINS) if bins is None else bins
    return gfl_loss(
        [CELLS],
        as_map(logits),
        as_map(bins),
        as_map(distances),
        [torch.tensor(classes)],
        [Boxes(OBJECT.repeat(3, 1))],
        **options,
    )


def test_the_target_of_a_class_is_the_overlap_of_the_predicted_box():
    logit, background = 0.4, -2.0
    logits = torch.tensor([[background, logit, background]] + [[background] * 3] * 2)
    distances = torch.tensor([[0.5, 0.5, 0.5, 0.5]] * 3)  # half of the object
    found = losses_of([1, NUM_CLASSES, NUM_CLASSES], logits=logits, distances=distances)
    p, low = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(-background))
    own = (0.5 - p) ** 2 * -(0.5 * math.log(p) + 0.5 * math.log(1 - p))
    other = low**2 * -math.log(1 - low)
    assert found["loss_gfl_cls"].item() == pytest.approx(own + 8 * other)
    assert found["loss_gfl_loc"].item() == pytest.approx(2 * 0.5)


def test_boxes_are_weighted_by_their_probability():
    logits = torch.full((3, NUM_CLASSES), -9.0)
    logits[0, 1], logits[1, 1] = torch.tensor([0.6, 0.2]).logit()
    distances = torch.tensor([[0.5, 0.5, 1.5, 0.5], [0.5, 0.5, 0.5, 0.5], [9.0] * 4])
    found = losses_of([1, 1, NUM_CLASSES], logits=logits, distances=distances)
    # The second cell's box is the object's right half.
    assert found["loss_gfl_loc"].item() == pytest.approx(2 * 0.5 * 0.2 / 0.8)


def test_the_bins_beside_a_distance_share_the_cross_entropy():
    bins = torch.zeros(4, NUM_BINS)
    bins[2, 1], bins[2, 2] = 2.0, 1.0
    found = losses_of([1, NUM_CLASSES, NUM_CLASSES], bins=bins.flatten().repeat(3, 1))
    total = math.log(math.exp(2) + math.exp(1) + 3)
    right = -(0.5 * (2 - total) + 0.5 * (1 - total))  # 1.5 strides, between bins 1 and 2
    others = math.log(NUM_BINS)
    expected = 0.25 * (right + 3 * others) / 4
    assert found["loss_gfl_dfl"].item() == pytest.approx(expected)


def test_a_distance_beyond_the_last_bin_counts_as_that():
    bins = torch.zeros(4, 2)
    bins[2, 1] = 20.0
    found = losses_of([1, NUM_CLASSES, NUM_CLASSES], bins=bins.flatten().repeat(3, 1))
    expected = 0.25 * (20 * 0.01 + 3 * math.log(2)) / 4
    assert found["loss_gfl_dfl"].item() == pytest.approx(expected, rel=1e-3)


def test_predictions_in_half_precision_have_losses_in_float32():
    logits, bins = torch.zeros(3, NUM_CLASSES), torch.zeros(3, 4 * 2)
    options = {"logits": logits, "distances": torch.tensor([[0.5, 0.5, 1.5, 0.5]] * 3)}
    exact = losses_of([1, NUM_CLASSES, NUM_CLASSES], bins=bins, **options)
    found = losses_of(
        [1, NUM_CLASSES, NUM_CLASSES],
        bins=bins.bfloat16(),
        **options | {"logits": logits.bfloat16()},
    )
    torch.testing.assert_close(found, exact)


def test_weights_scale_their_losses_and_positives_are_counted():
    usual = losses_of([1, NUM_CLASSES, -1])
    with EventStorage() as storage:
        other = losses_of([1, NUM_CLASSES, -1], loc_weight=4.0, dfl_weight=1.0)
    assert other["loss_gfl_loc"].item() == pytest.approx(2 * usual["loss_gfl_loc"].item())
    assert other["loss_gfl_dfl"].item() == pytest.approx(4 * usual["loss_gfl_dfl"].item())
    assert storage.latest() == {"num_pos_anchors": (1.0, 0)}


def test_cells_that_do_not_count_have_no_loss():
    logits = torch.zeros(3, NUM_CLASSES, requires_grad=True)
    losses_of([1, NUM_CLASSES, -1], logits=logits)["loss_gfl_cls"].backward()
    assert logits.grad[:2].abs().sum() > 0
    assert not logits.grad[2].any()


def test_without_objects_the_losses_are_finite_and_have_gradients():
    logits = torch.zeros(3, NUM_CLASSES, requires_grad=True)
    distances = torch.ones(3, 4, requires_grad=True)
    losses = losses_of([NUM_CLASSES] * 3, logits=logits, distances=distances)
    assert [losses[name].item() for name in ("loss_gfl_loc", "loss_gfl_dfl")] == [0, 0]
    sum(losses.values()).backward()
    assert logits.grad.abs().sum() > 0
    assert not distances.grad.any()


def test_the_loss_keeps_the_contract_of_node_types():
    inputs = {
        "anchors": [CELLS],
        "class_logits": as_map(torch.randn(3, NUM_CLASSES)),
        "distance_logits": as_map(torch.randn(3, 4 * NUM_BINS)),
        "edge_distances": as_map(torch.rand(3, 4)),
        "classes": [torch.tensor([1, 3, 3])],
        "boxes": [Boxes(OBJECT.repeat(3, 1))],
    }
    check_node_type(gfl_loss, inputs)


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 32, 32), list(sizes))


def test_proposals_are_the_best_cells_clipped_and_thinned_out():
    logits = torch.tensor([[-5.0, 1.0], [0.5, -9.0], [-1.0, -2.0]])
    distances = torch.tensor([[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 0.0, 1.0], [0.5, 0.5, 1.0, 0.5]])
    found = dense_proposals(
        images_of((8, 22)), [CELLS], as_map(logits.requires_grad_()), as_map(distances)
    )
    assert found.objectness_logits[0].tolist() == [1.0, -1.0]  # of the class that fits best
    assert found.boxes[0].tensor.tolist() == [[0.0, 0.0, 12.0, 8.0], [16.0, 0.0, 22.0, 8.0]]
    assert not found.objectness_logits[0].requires_grad


def test_proposals_are_limited():
    inputs = (
        [CELLS],
        as_map(torch.tensor([[-3.0], [-1.0], [-2.0]])),
        as_map(torch.full((3, 4), 0.4)),
    )
    found = dense_proposals(images_of((32, 32)), *inputs, topk_candidates=2)
    assert found.objectness_logits[0].tolist() == [-1.0, -2.0]
    found = dense_proposals(images_of((32, 32)), *inputs, max_per_image=1)
    assert found.objectness_logits[0].tolist() == [-1.0]


def test_proposals_keep_the_contract_of_node_types():
    inputs = {
        "images": images_of((32, 32), (20, 30)),
        "anchors": [CELLS],
        "class_logits": [torch.randn(2, 1, 1, 3)],
        "edge_distances": [torch.rand(2, 4, 1, 3)],
    }
    check_node_type(dense_proposals, inputs)
