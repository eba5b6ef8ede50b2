import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures.indexing import normalize_index, select_items

ITEMS = "abcdef"


@given(st.integers(-6, 5))
def test_a_position_selects_what_a_list_gives(position):
    assert select_items(ITEMS, normalize_index(position, 6)) == [ITEMS[position]]


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_mask_selects_where_it_is_true(mask):
    expected = [item for item, keep in zip(ITEMS, mask, strict=True) if keep]
    for index in (mask, torch.tensor(mask), np.array(mask)):
        assert select_items(ITEMS, normalize_index(index, 6)) == expected


@given(st.lists(st.integers(-6, 5)))
def test_positions_select_in_their_order(positions):
    expected = [ITEMS[position] for position in positions]
    for index in (positions, torch.tensor(positions), np.array(positions, dtype=np.int64)):
        assert select_items(ITEMS, normalize_index(index, 6)) == expected


@pytest.mark.parametrize("index", [6, -7, np.int64(6), torch.tensor(6), [True], torch.zeros(1, 1)])
def test_what_is_out_of_range_is_an_index_error(index):
    with pytest.raises(IndexError):
        normalize_index(index, 6)


@pytest.mark.parametrize("index", [torch.tensor([0.5]), np.array([1.5])])
def test_fractions_are_a_type_error(index):
    with pytest.raises(TypeError, match="integers"):
        normalize_index(index, 6)
