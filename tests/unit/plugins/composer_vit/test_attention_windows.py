import pytest
import torch

from composer_vit.attention_windows import join_windows, split_windows


@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 8), (1, 2), (3, 3)])
def test_windows_are_joined_to_what_they_were_cut_from(height, width):
    x = torch.rand(2, height, width, 4)
    windows = split_windows(x, 3)
    assert windows.shape[1:] == (3, 3, 4)
    assert torch.equal(join_windows(windows, height, width), x)


def test_windows_are_cut_row_by_row_and_padded_with_zeros():
    x = torch.arange(1.0, 13).view(1, 3, 4, 1)
    windows = split_windows(x, 2)[..., 0]
    assert windows[0].tolist() == [[1, 2], [5, 6]]
    assert windows[1].tolist() == [[3, 4], [7, 8]]
    assert windows[2].tolist() == [[9, 10], [0, 0]]
