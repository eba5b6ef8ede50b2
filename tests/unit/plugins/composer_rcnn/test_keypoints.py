import math

import pytest
import torch

from composer.structures import Boxes
from composer_rcnn.keypoints import decode_heatmaps, keypoints


def peak_at(row, column, size=8, height=10.0):
    """One keypoint, most likely in one cell."""
    maps = torch.zeros(1, 1, size, size)
    maps[0, 0, row, column] = height
    return maps


def test_a_keypoint_is_in_the_middle_of_the_pixel_where_its_map_is_highest():
    found = decode_heatmaps(peak_at(2, 5), torch.tensor([[10.0, 20.0, 18.0, 28.0]]))
    assert found[0, 0, :2].tolist() == [15.5, 22.5]


def test_maps_are_stretched_over_their_boxes():
    box = torch.tensor([[0.0, 0.0, 80.0, 40.0]])
    x, y, _ = decode_heatmaps(peak_at(2, 5), box)[0, 0].tolist()
    assert x == pytest.approx(55, abs=5)
    assert y == pytest.approx(12.5, abs=2.5)


def test_places_are_exact_in_boxes_of_broken_size():
    box = torch.tensor([[0.0, 0.0, 7.5, 7.5]])
    assert decode_heatmaps(peak_at(0, 7), box)[0, 0, :2].tolist() == [7.5 * 7.5 / 8, 0.5 * 7.5 / 8]


def test_the_score_is_the_softmax_of_the_map():
    found = decode_heatmaps(peak_at(2, 5), torch.tensor([[0.0, 0.0, 8.0, 8.0]]))
    assert found[0, 0, 2].item() == pytest.approx(1 / (1 + 63 * math.exp(-10)), rel=1e-5)


def test_boxes_without_area_count_as_a_pixel():
    found = decode_heatmaps(peak_at(2, 5), torch.tensor([[3.0, 4.0, 3.0, 4.0]]))
    assert found[0, 0, :2].tolist() == [3.5, 4.5]


def test_keypoints_and_maps_are_given_by_image():
    maps = torch.cat((peak_at(0, 0), peak_at(1, 1), peak_at(2, 2)))
    boxes = [Boxes([[0.0, 0.0, 8.0, 8.0]]), Boxes([]), Boxes([[0.0, 0.0, 8.0, 8.0]] * 2)]
    found = keypoints(maps, boxes)
    assert [tuple(one.shape) for one in found.keypoints] == [(1, 1, 3), (0, 1, 3), (2, 1, 3)]
    assert found.keypoints[2][1, 0, :2].tolist() == [2.5, 2.5]
    assert torch.equal(torch.cat(found.heatmaps), maps)


def test_no_images_have_no_keypoints():
    assert keypoints(torch.zeros(0, 17, 8, 8), []) == ([], [])


def test_there_are_maps_for_every_box():
    with pytest.raises(ValueError, match="Keypoints of 1, but 2 boxes"):
        keypoints(peak_at(0, 0), [Boxes([[0.0, 0.0, 8.0, 8.0]] * 2)])
