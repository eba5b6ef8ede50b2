import pytest
import torch

from composer_vit.absolute_positions import fit_positions


def test_positions_of_the_same_size_are_taken_as_they_are():
    positions = torch.rand(1, 10, 2)
    fitted = fit_positions(positions, 3, 3, has_class_token=True)
    assert torch.equal(fitted.flatten(1, 2), positions[:, 1:])


def test_positions_are_interpolated_for_other_sizes():
    grid = torch.linspace(0, 1, 4)[None, :, None].expand(4, 4, 1)
    fitted = fit_positions(grid.reshape(1, 16, 1), 6, 8, has_class_token=False)
    assert fitted.shape == (1, 6, 8, 1)
    assert (fitted[0, 0, 1:-1, 0].diff() > 0).all()
    torch.testing.assert_close(fitted[0, 0], fitted[0, 5])


def test_positions_that_make_no_square_are_refused():
    with pytest.raises(ValueError, match="10 positions do not make a square"):
        fit_positions(torch.rand(1, 10, 2), 3, 3, has_class_token=False)
