import pytest
import torch
import torch.nn.functional as F

from composer_point_rend.point_sampling import (
    draw_uncertain_points,
    find_uncertain_cells,
    make_grid,
    pick_class,
    place_points,
    rate_classes,
    rate_masks,
    sample_points,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def edge(side=8):
    """A mask whose outline is a vertical line in the middle."""
    x = torch.arange(side) + 0.5 - side / 2
    return x.expand(1, 1, side, side)


def draw(maps, seed=0, **options):
    defaults = {"num_points": 400, "oversample_ratio": 3.0, "importance_sample_ratio": 0.75}
    classes = torch.zeros(len(maps), dtype=torch.int64)
    return draw_uncertain_points(
        maps, lambda logits: rate_masks(logits, classes), generator(seed), **{**defaults, **options}
    )


def test_values_at_the_centres_of_cells_are_those_of_the_cells():
    maps = torch.rand(2, 3, 5, 5)
    found = sample_points(maps, make_grid(5).expand(2, -1, -1))
    torch.testing.assert_close(found, maps.flatten(2))


def test_values_between_cells_are_interpolated():
    points = torch.tensor([[[0.5, 0.3], [0.25, 0.9]]])
    torch.testing.assert_close(sample_points(edge(), points)[0, 0], torch.tensor([0.0, -2.0]))


def test_beyond_the_border_there_are_zeros():
    found = sample_points(torch.ones(1, 1, 4, 4), torch.tensor([[[1.5, 0.5], [-2.0, -2.0]]]))
    assert torch.equal(found, torch.zeros(1, 1, 2))


@pytest.mark.parametrize(("maps", "points"), [(0, 5), (3, 0), (0, 0)])
def test_no_maps_and_no_points_are_fine(maps, points):
    found = sample_points(torch.rand(maps, 2, 4, 4), torch.rand(maps, points, 2))
    assert found.shape == (maps, 2, points)


def test_low_precision_is_kept():
    maps = torch.rand(1, 2, 4, 4, dtype=torch.bfloat16)
    assert sample_points(maps, torch.rand(1, 3, 2)).dtype == torch.bfloat16


def test_points_are_placed_within_their_regions():
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0], [0.0, 0.0, 4.0, 4.0]])
    points = torch.tensor([[[0.0, 0.0], [0.5, 0.25]], [[1.0, 1.0], [0.25, 0.75]]])
    expected = torch.tensor([[[10.0, 20.0], [20.0, 30.0]], [[4.0, 4.0], [1.0, 3.0]]])
    assert torch.equal(place_points(points, boxes), expected)


def test_most_points_are_drawn_near_the_outline():
    points = draw(edge())
    assert points.shape == (1, 400, 2)
    distance = sample_points(edge(), points)[0, 0].abs()
    # 300 of 1200 candidates: those within a quarter of the largest distance.
    assert distance[:300].max() < 1.2
    assert distance[300:].max() > 3


def test_the_rest_is_drawn_anywhere():
    rest = torch.cat([draw(edge(), seed)[0, 300:] for seed in range(50)])
    counts = torch.histc(rest[:, 0], 10, 0, 1) / len(rest)
    assert counts.min() > 0.085
    assert counts.max() < 0.115
    assert rest.mean(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize(("share", "num_near"), [(0.0, 0), (1.0, 400), (0.5, 200)])
def test_the_share_of_uncertain_points_is_the_one_that_was_asked_for(share, num_near):
    points = draw(edge(), oversample_ratio=20.0, importance_sample_ratio=share)
    near = (sample_points(edge(), points).abs() < 0.25).sum().item()
    assert num_near <= near <= num_near + 40


def test_without_oversampling_all_points_are_drawn_anywhere():
    points = draw(edge(), oversample_ratio=1.0, importance_sample_ratio=1.0, num_points=2000)
    assert points[0].mean(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert points[0].std(dim=0).tolist() == pytest.approx([12**-0.5] * 2, abs=0.02)


def test_points_depend_on_the_generator_alone():
    assert torch.equal(draw(edge(), 1), draw(edge(), 1))
    assert not torch.equal(draw(edge(), 1), draw(edge(), 2))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    draw(edge())
    assert torch.equal(before, torch.get_rng_state())


def test_the_uncertainty_of_a_mask_is_that_of_its_class():
    logits = torch.tensor([[[1.0, -2.0], [0.5, 3.0]], [[-1.0, 0.0], [4.0, -4.0]]])
    found = rate_masks(logits, torch.tensor([1, 0]))
    assert torch.equal(found, torch.tensor([[-0.5, -3.0], [-1.0, 0.0]]))
    shared = rate_masks(logits[:, :1], torch.tensor([1, 0]))
    assert torch.equal(shared, -logits[:, 0].abs())


def test_the_uncertainty_of_a_pixel_is_the_gap_between_its_best_classes():
    logits = torch.tensor([[[3.0, 1.0], [0.0, 1.0], [2.5, -9.0]]])
    assert torch.equal(rate_classes(logits), torch.tensor([[-0.5, 0.0]]))
    assert torch.equal(rate_classes(logits[:, :1]), torch.tensor([[-3.0, -1.0]]))


@pytest.mark.parametrize(
    ("classes", "message"), [([0, 2], "go up to 2"), ([0], "Logits of 2 regions, but 1")]
)
def test_classes_without_a_mask_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        pick_class(torch.rand(2, 2, 3), torch.tensor(classes))


def test_the_most_uncertain_cells_are_found_with_their_centres():
    uncertainty = torch.tensor([[0.0, 5.0, 1.0, 2.0, 3.0, 4.0]])
    found = find_uncertain_cells(uncertainty, (2, 3), 2)
    assert found.indices.tolist() == [[1, 5]]
    torch.testing.assert_close(found.points, torch.tensor([[[0.5, 0.25], [5 / 6, 0.75]]]))
    assert find_uncertain_cells(uncertainty, (2, 3), 99).indices.shape == (1, 6)


def test_centres_of_cells_sample_the_cells_themselves():
    maps = torch.rand(1, 1, 7, 9)
    found = find_uncertain_cells(-maps.flatten(1), (7, 9), 10)
    values = sample_points(maps, found.points)[:, 0]
    torch.testing.assert_close(values, maps.flatten(1).gather(1, found.indices))


def test_interpolation_is_that_of_resizing():
    maps = torch.rand(2, 3, 6, 6)
    resized = F.interpolate(maps, size=(18, 18), mode="bilinear", align_corners=False)
    found = sample_points(maps, make_grid(18).expand(2, -1, -1)).view(2, 3, 18, 18)
    torch.testing.assert_close(found[..., 2:-2, 2:-2], resized[..., 2:-2, 2:-2])
