import torch

from composer.layers import DropPath, drop_path


def test_images_are_dropped_whole_and_the_others_are_scaled_up():
    x = torch.ones(400, 3, 2)
    dropped = drop_path(x, 0.25, torch.Generator().manual_seed(0))
    kept = dropped[:, 0, 0] != 0
    assert torch.equal(dropped, torch.where(kept[:, None, None], 1 / 0.75, 0.0).expand(x.shape))
    assert 270 < kept.sum() < 330


def test_nothing_is_dropped_outside_of_training_nor_without_a_generator():
    x, generator = torch.ones(50, 4), torch.Generator().manual_seed(0)
    layer = DropPath(0.9)
    assert (layer(x, generator) == 0).any()
    assert layer(x) is x
    assert layer.eval()(x, generator) is x
    assert DropPath(0.0)(x, generator) is x


def test_the_generator_decides():
    x, layer = torch.ones(50, 4), DropPath(0.5)
    first, again = (layer(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, layer(x, torch.Generator().manual_seed(4)))
