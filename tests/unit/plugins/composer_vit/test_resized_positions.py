import pytest
import torch

from composer_vit.resized_positions import resize_bias_table, resize_positions


def test_absolute_positions_are_resized_and_the_class_token_stays():
    ramp = torch.linspace(0, 1, 4)[None, :, None].expand(4, 4, 2).reshape(1, 16, 2)
    positions = torch.cat([torch.full((1, 1, 2), 7.0), ramp], dim=1)
    resized = resize_positions("net.pos_embed", positions, (1, 65, 2))
    assert (resized[:, 0] == 7).all()
    grid = resized[:, 1:].view(8, 8, 2)
    assert (grid[:, :, 0].diff(dim=1)[:, 1:-1] > 0).all()
    torch.testing.assert_close(grid[0], grid[7])


@pytest.mark.parametrize(("count", "token"), [(16, None), (17, 0.0)])
def test_a_class_token_is_left_out_or_added(count, token):
    given = torch.rand(1, 33 - count, 2)
    resized = resize_positions("pos_embed", given, (1, count, 2))
    assert torch.equal(resized[:, -16:], given[:, -16:])
    if token is not None:
        assert (resized[:, 0] == token).all()


def test_tables_of_relative_positions_are_resized():
    table = torch.linspace(-1, 1, 5)[:, None]
    resized = resize_positions("blocks.0.attn.rel_pos_w", table, (9, 1))
    assert resized.shape == (9, 1)
    assert (resized.diff(dim=0) >= 0).all()


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("pos_embed", (1, 18, 2), (1, 16, 2)),
        ("pos_embed", (1, 16, 2), (1, 18, 2)),
        ("pos_embed", (1, 16, 2), (1, 25, 3)),
        ("attn.rel_pos_h", (5, 2), (9, 4)),
        ("patch_embed.proj.weight", (4, 3, 8, 8), (4, 3, 16, 16)),
    ],
)
def test_what_is_no_square_or_no_position_is_not_resized(name, given, wanted):
    assert resize_positions(name, torch.zeros(given), wanted) is None


def test_a_table_of_biases_keeps_its_centre():
    table = torch.zeros(25, 3)
    table[12] = 1
    resized = resize_bias_table(table, 81)
    assert resized.shape == (81, 3)
    assert (resized.argmax(dim=0) == 40).all()
    assert resize_bias_table(torch.zeros(24, 3), 81) is None
