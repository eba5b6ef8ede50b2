"""Pooling as sums of cells, against torchvision's operator: values, gradients, and its limits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import roi_align

from composer.ops import PoolingGrid, fits_sums, region_cells, region_sums, sum_regions
from unit.ops import pooled_regions
from unit.ops.pooled_regions import HARD_REGIONS, assert_close, make_regions, regions_without

SIDES = st.one_of(st.just(0.0), st.floats(0, 3, width=32), st.floats(0, 400, width=32))
PLACES = st.one_of(st.integers(-40, 200).map(float), st.floats(-300, 500, width=32))


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def make_map(*shape, seed=0):
    return pooled_regions.make_map(*shape, seed=seed).contiguous(memory_format=torch.channels_last)


def check(map_, regions, grid, scale=0.125):
    """Values and gradients are torchvision's."""
    map_ = map_.clone().requires_grad_()
    expected = roi_align(
        map_, regions, grid.size, scale, grid.sampling_ratio, aligned=grid.is_aligned
    )
    found = sum_regions([map_], regions, None, [scale], grid)
    assert_close(found.detach(), expected.detach())
    if not len(regions):
        return found
    gradient = make_map(*found.shape, seed=5)
    wanted = torch.autograd.grad(expected, map_, gradient)[0]
    assert_close(torch.autograd.grad(found, map_, gradient)[0], wanted)
    return found.detach()


@pytest.mark.parametrize("is_aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 1, 5])
@pytest.mark.parametrize("size", [(7, 7), (3, 1)])
def test_regions_inside_and_outside_of_maps(is_aligned, ratio, size):
    grid = PoolingGrid(size, ratio, is_aligned)
    check(make_map(2, 5, 12, 11), make_regions(200, images=2), grid)


@given(
    st.lists(st.tuples(st.integers(0, 1), PLACES, PLACES, SIDES, SIDES), min_size=1, max_size=6),
    st.sampled_from([(7, 7), (1, 1), (2, 3)]),
    st.sampled_from([0, 1, 2, 4]),
    st.booleans(),
    st.sampled_from([(12, 11), (1, 9), (1, 1), (30, 2)]),
    st.sampled_from([0.125, 0.25, 0.3, 1.0]),
    st.sampled_from([1, 300, 1 << 18]),
)
@settings(max_examples=25, derandomize=True, deadline=None)
def test_any_regions_of_any_map(rows, size, ratio, is_aligned, shape, scale, limit):
    regions = torch.tensor([(image, x, y, x + w, y + h) for image, x, y, w, h in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_cells, "_SAMPLES", limit)
        patch.setattr(region_sums, "_CELLS", limit)
        patch.setattr(region_sums, "_GRADIENT_CELLS", limit)
        check(make_map(2, 3, *shape), regions, PoolingGrid(size, ratio, is_aligned), scale)


@pytest.mark.parametrize("is_aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 2])
def test_hard_regions(is_aligned, ratio):
    check(make_map(1, 4, 12, 12), HARD_REGIONS, PoolingGrid((7, 7), ratio, is_aligned))


@pytest.mark.parametrize("is_aligned", [True, False])
def test_regions_that_end_before_they_begin_have_samples_where_their_number_is_fixed(is_aligned):
    regions = make_regions(50)
    regions[:, 3] = regions[:, 1] - 20
    regions[::2, 4] = regions[::2, 2] - 30
    check(make_map(1, 4, 12, 12), regions, PoolingGrid((3, 3), 2, is_aligned))


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_regions_that_are_no_numbers_are_sampled_nowhere(ratio, bad):
    regions = regions_without(bad)
    found = sum_regions([make_map(1, 2, 8, 8)], regions, None, [1.0], PoolingGrid((3, 3), ratio))
    assert not found.any()


@pytest.mark.parametrize("ratio", [0, 1, 2])
def test_what_is_no_number_spreads_as_far_as_in_torchvision(ratio):
    map_ = make_map(1, 2, 12, 12)
    map_[0, 0, 5, 6] = map_[0, 1, 0, 5] = map_[0, 1, 11, 11] = float("nan")
    regions = make_regions(100)
    expected = roi_align(map_, regions, (3, 3), 0.125, ratio, aligned=True)
    assert_close(sum_regions([map_], regions, None, [0.125], PoolingGrid((3, 3), ratio)), expected)
    assert expected.isnan().any()


def test_a_bin_outside_is_zero_whatever_is_in_the_corner():
    map_ = make_map(1, 2, 12, 12)
    map_[0, :, 0, 0] = float("nan")  # which torchvision multiplies by 0 for each sample outside
    regions = torch.tensor([[0.0, 500, 500, 600, 600]])
    found = sum_regions([map_], regions, None, [0.125], PoolingGrid((3, 3)))
    assert not found.any()


def test_no_regions_and_no_images():
    grid = PoolingGrid((7, 7))
    for images in (0, 1):
        found = check(make_map(images, 4, 6, 6), torch.zeros(0, 5), grid)
        assert found.shape == (0, 4, 7, 7)
        map_ = make_map(images, 4, 6, 6).requires_grad_()
        sum_regions([map_], torch.zeros(0, 5), None, [1.0], grid).sum().backward()
        assert torch.equal(map_.grad, torch.zeros_like(map_))


def test_an_image_that_is_not_there_is_refused():
    with pytest.raises(RuntimeError):
        sum_regions(
            [make_map(1, 16, 8, 8)], torch.tensor([[3.0, 0, 0, 8, 8]]), None, [1.0],
            PoolingGrid((2, 2)),
        )  # fmt: skip


def test_each_region_is_taken_from_its_level_and_frozen_levels_have_no_gradients():
    maps = [make_map(2, 6, 24, 24), make_map(2, 6, 12, 12, seed=3), make_map(2, 6, 6, 6, seed=4)]
    maps = [map_.requires_grad_(level != 1) for level, map_ in enumerate(maps)]
    regions, scales = make_regions(300, images=2), [0.25, 0.125, 0.0625]
    levels = torch.randint(0, 3, (300,), generator=torch.Generator().manual_seed(2))
    found = sum_regions(maps, regions, levels, scales, PoolingGrid((7, 7)))
    gradient = make_map(*found.shape, seed=5)
    found.backward(gradient)
    for level, (map_, scale) in enumerate(zip(maps, scales, strict=True)):
        mine = levels == level
        own = map_.detach().requires_grad_()
        expected = roi_align(own, regions[mine], (7, 7), scale, 0, aligned=True)
        assert_close(found[mine].detach(), expected.detach())
        expected.backward(gradient[mine])
        if level == 1:
            assert map_.grad is None
        else:
            assert_close(map_.grad, own.grad)


def test_maps_of_bfloat16_are_rounded_once():
    map_, regions = make_map(1, 16, 12, 12).bfloat16().requires_grad_(), make_regions(100)
    found = sum_regions([map_], regions, None, [0.125], PoolingGrid((7, 7)))
    own = map_.detach().float().requires_grad_()
    expected = roi_align(own, regions, (7, 7), 0.125, 0, aligned=True)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.detach(), expected.detach().bfloat16(), rtol=0.01, atol=1e-6)
    gradient = make_map(*found.shape, seed=5).bfloat16()
    found.backward(gradient)
    expected.backward(gradient.float())
    assert map_.grad.dtype == torch.bfloat16
    largest = float(own.grad.abs().max())
    torch.testing.assert_close(map_.grad.float(), own.grad, rtol=0.01, atol=1e-5 * largest)


def test_channels_are_last_and_so_are_those_of_gradients():
    map_ = make_map(1, 16, 12, 12).requires_grad_()
    found = sum_regions([map_], make_regions(10), None, [0.125], PoolingGrid((7, 7)))
    assert found.is_contiguous(memory_format=torch.channels_last)
    found.sum().backward()
    assert map_.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("count", [2, 5])
def test_the_number_of_threads_changes_nothing(count):
    results = []
    for number in (1, count):
        torch.set_num_threads(number)
        map_ = make_map(1, 16, 12, 12).requires_grad_()
        found = sum_regions([map_], make_regions(500), None, [0.125], PoolingGrid((7, 7)))
        found.backward(make_map(*found.shape, seed=5))
        results.append((found.detach(), map_.grad))
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_a_region_is_pooled_alike_whatever_else_is_pooled():
    map_, regions = make_map(1, 16, 24, 24), make_regions(40)
    whole = sum_regions([map_], regions, None, [0.125], PoolingGrid((7, 7)))
    alone = [sum_regions([map_], row[None], None, [0.125], PoolingGrid((7, 7))) for row in regions]
    assert_close(torch.cat(alone), whole)


def test_few_channels_and_other_layouts_and_types_are_left_to_torchvision():
    map_, regions = make_map(1, 64, 4, 4), make_regions(32)
    assert fits_sums([map_], regions)
    assert fits_sums([map_.clone().requires_grad_()], regions)
    assert fits_sums([map_.bfloat16()], regions)
    assert not fits_sums([map_, map_.contiguous()], regions)
    assert not fits_sums([map_[:, :32].contiguous(memory_format=torch.channels_last)], regions)
    assert not fits_sums([map_.double()], regions)
    assert not fits_sums([map_.to("meta")], regions)


def test_few_regions_of_small_maps_are_left_to_torchvision():
    regions = make_regions(31)
    assert not fits_sums([make_map(1, 64, 4, 4)], regions)
    assert fits_sums([make_map(1, 64, 128, 128)], regions)
