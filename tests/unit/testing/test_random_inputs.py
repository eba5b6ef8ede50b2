"""Random inputs have the sizes that were asked for and leave global chance alone."""

import pytest
import torch

from composer.structures import TensorShape
from composer.testing import (
    random_batch,
    random_boxes,
    random_features,
    random_regions,
    random_rotated_boxes,
)

MAKERS = [
    lambda seed: random_batch([(4, 6), (3, 5)], seed=seed)[1]["image"],
    lambda seed: random_features({"p2": TensorShape(2, stride=4)}, seed=seed)["p2"],
    lambda seed: random_regions(TensorShape(2, 3, 3), seed=seed),
    lambda seed: random_boxes((4,), seed=seed)[0].tensor,
    lambda seed: random_rotated_boxes((4,), seed=seed)[0].tensor,
]


@pytest.mark.parametrize("make", MAKERS)
def test_values_depend_on_the_seed_alone(make):
    state = torch.get_rng_state()
    assert torch.equal(make(1), make(1))
    assert not torch.equal(make(1), make(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_batch_has_images_of_the_given_sizes():
    batch = random_batch([(4, 6), (3, 5)], channels=1)
    assert [image.shape for image in batch.images] == [(1, 4, 6), (1, 3, 5)]


def test_size_of_a_level_is_that_of_the_image_over_the_stride_rounded_up():
    shapes = {"p2": TensorShape(2, stride=4), "p3": TensorShape(3, stride=8)}
    features = random_features(shapes, image_size=(20, 33), num_images=1)
    assert {name: level.shape for name, level in features.items()} == {
        "p2": (1, 2, 5, 9),
        "p3": (1, 3, 3, 5),
    }


def test_regions_have_rows_and_columns_where_the_shape_has_them():
    assert random_regions(TensorShape(2, 5, 6), num_regions=4).shape == (4, 2, 5, 6)
    assert random_regions(TensorShape(2), num_regions=0).shape == (0, 2)


def test_boxes_lie_in_the_image_and_are_a_pixel_large():
    first, none = random_boxes((200, 0), image_size=(5, 9))
    assert len(none) == 0
    assert first.inside_box((5, 9), 1e-3).all()
    assert first.nonempty(0.99).all()


def test_rotated_boxes_lie_around_places_of_the_image_at_any_angle():
    first, none = random_rotated_boxes((200, 0), image_size=(5, 9))
    assert len(none) == 0
    centers = first.get_centers()
    assert ((centers > 0) & (centers < torch.tensor([9.0, 5.0]))).all()
    assert first.nonempty(0.99).all()
    assert first.tensor[:, 4].min() < -90
    assert first.tensor[:, 4].max() > 90


@pytest.mark.parametrize("shape", [TensorShape(stride=4), TensorShape(channels=4)])
def test_level_without_channels_or_stride_is_refused(shape):
    with pytest.raises(ValueError, match="'p2'"):
        random_features({"p2": shape})


def test_regions_without_channels_are_refused():
    with pytest.raises(ValueError, match="channels"):
        random_regions(TensorShape(height=2, width=2))
