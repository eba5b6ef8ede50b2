"""The kernel that pools regions of several levels, against torchvision's."""

import threading

import pytest
import torch
from torchvision.ops import roi_align

from composer.ops import PoolingGrid, can_pool_levels, fits_kernel, pool_levels
from unit.ops.pooled_regions import (
    HARD_REGIONS,
    assert_close,
    make_map,
    make_regions,
    regions_without,
)

pytestmark = pytest.mark.skipif(not can_pool_levels(), reason="needs the extra numba")


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def check(map_, regions, grid, scale=0.125):
    expected = roi_align(
        map_, regions, grid.size, scale, grid.sampling_ratio, aligned=grid.is_aligned
    )
    found = pool_levels([map_], regions, None, [scale], grid)
    assert_close(found, expected)
    return found


@pytest.mark.parametrize("is_aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 1, 2, 5])
@pytest.mark.parametrize("size", [(7, 7), (1, 1), (3, 5)])
def test_regions_inside_and_outside_of_maps(is_aligned, ratio, size):
    grid = PoolingGrid(size, ratio, is_aligned)
    check(make_map(2, 5, 12, 11), make_regions(200, images=2), grid)


@pytest.mark.parametrize("scale", [0.25, 1 / 32, 0.3, 1.0])
def test_scales(scale):
    check(make_map(1, 3, 24, 30), make_regions(100, size=30 / scale), PoolingGrid((7, 7)), scale)


@pytest.mark.parametrize("is_aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 2])
def test_hard_regions(is_aligned, ratio):
    check(make_map(1, 4, 12, 12), HARD_REGIONS, PoolingGrid((7, 7), ratio, is_aligned))


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_regions_that_are_no_numbers_are_sampled_nowhere(ratio, bad):
    regions = regions_without(bad)
    found = pool_levels([make_map(1, 2, 8, 8)], regions, None, [1.0], PoolingGrid((3, 3), ratio))
    assert not found.any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_spreads_as_far_as_in_torchvision(value):
    map_ = make_map(1, 2, 12, 12)
    map_[0, 0, 5, 6] = value
    for ratio in (0, 1, 2):
        check(map_, make_regions(100), PoolingGrid((3, 3), ratio))


def test_no_regions_and_no_images():
    grid = PoolingGrid((7, 7))
    assert check(make_map(1, 4, 6, 6), torch.zeros(0, 5), grid).shape == (0, 4, 7, 7)
    assert check(make_map(0, 4, 6, 6), torch.zeros(0, 5), grid).shape == (0, 4, 7, 7)


def test_each_region_is_taken_from_its_level():
    maps = [make_map(2, 6, 24, 24), make_map(2, 6, 12, 12, seed=3), make_map(2, 6, 6, 6, seed=4)]
    regions, scales = make_regions(300, images=2), [0.25, 0.125, 0.0625]
    levels = torch.randint(0, 3, (300,), generator=torch.Generator().manual_seed(2))
    found = pool_levels(maps, regions, levels, scales, PoolingGrid((7, 7)))
    for level, (map_, scale) in enumerate(zip(maps, scales, strict=True)):
        mine = levels == level
        expected = roi_align(map_, regions[mine], (7, 7), scale, 0, aligned=True)
        torch.testing.assert_close(found[mine], expected, rtol=0, atol=1e-5)


def test_maps_of_bfloat16_are_rounded_once():
    map_, regions = make_map(1, 8, 12, 12).bfloat16(), make_regions(100)
    found = pool_levels([map_], regions, None, [0.125], PoolingGrid((7, 7)))
    exact = roi_align(map_.float(), regions, (7, 7), 0.125, 0, aligned=True)
    assert found.dtype == torch.bfloat16
    rounded = exact.bfloat16()
    torch.testing.assert_close(found, rounded, rtol=0.01, atol=1e-6)
    assert (found != rounded).float().mean() < 0.01
    map_[0, 0, 5, 5] = float("nan")
    assert pool_levels([map_], regions, None, [0.125], PoolingGrid((7, 7))).isnan().any()


def test_channels_are_last_and_any_layout_is_taken():
    map_, regions = make_map(1, 8, 12, 12), make_regions(10)
    found = check(map_, regions, PoolingGrid((7, 7)))
    assert found.is_contiguous(memory_format=torch.channels_last)
    last = map_.contiguous(memory_format=torch.channels_last)
    assert torch.equal(check(last, regions, PoolingGrid((7, 7))), found)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(count):
    map_, regions = make_map(1, 8, 12, 12), make_regions(500)
    torch.set_num_threads(count)
    found = check(map_, regions, PoolingGrid((7, 7)))
    torch.set_num_threads(1)
    assert torch.equal(found, check(map_, regions, PoolingGrid((7, 7))))


def test_threads_of_the_user_can_share_it():
    map_, regions, found = make_map(1, 8, 12, 12), make_regions(200), []
    torch.set_num_threads(2)

    def pool():
        found.append(pool_levels([map_], regions, None, [0.125], PoolingGrid((7, 7))))

    threads = [threading.Thread(target=pool) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(each, found[0]) for each in found)
    assert len(found) == 4


def test_gradients_and_other_types_are_left_to_torchvision():
    map_, regions = make_map(1, 2, 4, 4), make_regions(3)
    assert fits_kernel([map_], regions)
    assert not fits_kernel([map_.requires_grad_()], regions)
    with torch.no_grad():
        assert fits_kernel([map_], regions)
    assert not fits_kernel([map_.detach().double()], regions)
    assert not fits_kernel([map_.detach().to("meta")], regions)
