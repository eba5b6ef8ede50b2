"""What holds of every transform, and of the chain that an augmented sample remembers."""

import numpy as np
import pytest
import torch

from composer.data import Mapper
from composer.data.augmentations import LargeScaleJitter, RandomFlip, RandomRotation
from composer.data.transforms import (
    Crop,
    Flip,
    Pad,
    Resize,
    TransformList,
    Warp,
    find_extent,
    find_rotation,
    find_transform,
    move_sample,
)
from composer.structures import RotatedBoxes
from unit.data.some_samples import assert_same, make_sample

SIZE = (30, 40)
TRANSFORMS = [
    Flip(SIZE),
    Flip(SIZE, "vertical"),
    Resize(SIZE, (45, 100)),
    Crop(SIZE, 2, 10, (20, 25)),
    Pad(SIZE, 3, 4, (50, 60)),
    Warp(find_rotation(SIZE, 30, expand=True)[0], SIZE, find_rotation(SIZE, 30, expand=True)[1]),
    Warp(find_extent((-3.0, 2.0, 37.0, 32.0), (60, 80)), SIZE, (60, 80)),
    TransformList((Resize(SIZE, (60, 80)), Flip((60, 80)), Crop((60, 80), 5, 6, (40, 50))), SIZE),
    TransformList((), SIZE),
]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda one: type(one).__name__)
class TestEvery:
    def test_the_inverse_brings_coordinates_back(self, transform):
        points = np.random.default_rng(0).uniform(-10, 50, (7, 2))
        there = transform.apply_coords(points)
        np.testing.assert_allclose(transform.inverse().apply_coords(there), points, atol=1e-9)
        assert (transform.inverse().size, transform.inverse().new_size) == (
            transform.new_size,
            transform.size,
        )

    def test_coordinates_are_the_same_as_arrays_and_tensors_of_any_precision(self, transform):
        points = torch.rand(3, 5, 2) * 30
        moved = transform.apply_coords(points)
        assert (moved.dtype, moved.shape) == (torch.float32, (3, 5, 2))
        np.testing.assert_array_equal(transform.apply_coords(points.numpy()), moved.numpy())
        whole = transform.apply_coords(torch.tensor([[3, 4]]))
        assert whole.dtype == torch.float64

    def test_polygons_and_boxes_follow_their_points(self, transform):
        polygon = np.array([5.0, 4.0, 20.0, 6.0, 17.0, 18.0])
        flat, paired = transform.apply_polygons([polygon, polygon.reshape(-1, 2)])
        np.testing.assert_array_equal(flat.reshape(-1, 2), paired)
        box = transform.apply_box(np.array([[5.0, 4.0, 20.0, 18.0]]))[0]
        assert (box[:2] <= paired.min(axis=0) + 1e-9).all()
        assert (box[2:] >= paired.max(axis=0) - 1e-9).all()

    def test_pixels_are_of_the_new_size_in_the_form_that_they_were(self, transform):
        height, width = transform.new_size
        colour = make_sample().image
        moved = transform.apply_image(colour, 7)
        assert (moved.shape, moved.dtype) == ((3, height, width), torch.uint8)
        rows = transform.apply_image(colour.permute(1, 2, 0).numpy(), 7)
        np.testing.assert_array_equal(rows, moved.permute(1, 2, 0).numpy())
        grey = transform.apply_image(colour[0].numpy(), 7)
        np.testing.assert_allclose(grey, rows[..., 0], atol=1)
        assert transform.apply_image(torch.rand(5, *SIZE)).dtype == torch.float32
        labels = torch.arange(1200).reshape(SIZE) % 7
        found = transform.apply_segmentation(labels, 9)
        assert found.shape == (height, width)
        assert set(found.unique().tolist()) <= {*range(7), 9}
        np.testing.assert_array_equal(transform.apply_segmentation(labels.numpy(), 9), found)

    def test_pixels_lie_where_their_coordinates_do(self, transform):
        if isinstance(transform, Warp):
            pytest.skip("a single pixel may fall between others")
        mask = torch.zeros(1, *SIZE, dtype=torch.bool)
        mask[0, 12, 17] = True
        x, y = transform.apply_coords(np.array([[17.5, 12.5]]))[0]
        assert transform.apply_segmentation(mask)[0, int(y), int(x)]

    def test_pixels_of_another_size_are_refused(self, transform):
        with pytest.raises(ValueError, match="30 x 40, the image is 31 x 40"):
            transform.apply_image(torch.zeros(3, 31, 40))

    def test_rotated_boxes_hold_the_corners_that_they_had(self, transform):
        boxes = torch.tensor([[20.0, 15.0, 12.0, 6.0, 25.0], [9.0, 9.0, 4.0, 8.0, -70.0]])
        moved = transform.apply_rotated_box(boxes)
        linear = transform.matrix[:, :2]
        if not np.allclose(linear @ linear.T, np.eye(2) * abs(np.linalg.det(linear))):
            pytest.skip("what becomes of a rectangle is none")
        ours = RotatedBoxes(moved).get_corners()
        theirs = transform.apply_coords(RotatedBoxes(boxes).get_corners())
        for one, other in zip(ours, theirs, strict=True):
            assert sorted(one.round(decimals=2).tolist()) == pytest.approx(
                np.array(sorted(other.round(decimals=2).tolist())), abs=0.02
            )


def test_mirrored_rotated_boxes_have_the_angle_of_detectron2():
    boxes = np.array([[20.0, 15.0, 12.0, 6.0, 25.0]])
    for flip in (Flip(SIZE), Flip(SIZE, "vertical")):
        mirrored = flip.apply_rotated_box(boxes)
        np.testing.assert_allclose(mirrored, [[20.0, 15.0, 12.0, 6.0, -25.0]])
    scaled = Resize(SIZE, (30, 80)).apply_rotated_box(boxes)
    expected = RotatedBoxes(torch.from_numpy(boxes)).scale(2.0, 1.0).tensor
    np.testing.assert_allclose(scaled, expected.numpy())


def test_a_rotation_rounds_pixels_to_the_nearest():
    pixels = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (3, 200, 200), dtype=np.uint8)
    )
    turn = Warp(find_rotation((200, 200), 17.0, expand=False)[0], (200, 200), (200, 200))
    exact = turn.apply_image(pixels.double().float())
    found = turn.apply_image(pixels)
    assert abs((found.double() - exact.double()).mean().item()) < 0.01
    assert (found.double() - exact.double()).abs().max().item() <= 0.5


def test_an_augmented_sample_remembers_its_transforms():
    sample = make_sample()
    steps = [
        RandomFlip(probability=1.0),
        RandomRotation(degrees=(20.0, 20.0)),
        LargeScaleJitter(size=(50, 60), scales=(0.5, 0.5)),
    ]
    augmented = Mapper(steps, keep_empty=True).augment(sample, torch.Generator().manual_seed(1))
    transform = find_transform(augmented)
    assert (transform.size, transform.new_size) == (SIZE, (50, 60))
    moved = transform.apply_coords(sample.keypoints[..., :2])[:, [1, 0]]  # mirrored pairs
    torch.testing.assert_close(moved, augmented.keypoints[..., :2])
    torch.testing.assert_close(
        transform.inverse().apply_coords(augmented.keypoints[..., :2])[:, [1, 0]],
        sample.keypoints[..., :2],
    )
    assert find_transform(sample).steps == ()


def test_a_list_moves_a_sample_as_its_steps_do():
    steps = (Resize(SIZE, (60, 80)), Crop((60, 80), 5, 6, (40, 50)))
    once = move_sample(make_sample(), TransformList(steps, SIZE))
    twice = move_sample(move_sample(make_sample(), steps[0]), steps[1])
    assert_same(once, twice)
    with pytest.raises(ValueError, match="follows"):
        TransformList((steps[1], steps[0]), SIZE)
