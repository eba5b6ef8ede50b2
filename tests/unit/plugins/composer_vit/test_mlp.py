import torch
from torch import nn

from composer_vit.mlp import Mlp, init_transformer


def test_a_place_does_not_depend_on_others():
    mlp, x = Mlp(4, 8, 6), torch.rand(2, 3, 4)
    torch.testing.assert_close(mlp(x)[1, 2], mlp(x[1, 2]))
    assert mlp(x).shape == (2, 3, 6)
    assert Mlp(4, 8)(x).shape == x.shape


def test_linear_layers_start_small_and_norms_as_identities():
    layers = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.Conv2d(3, 3, 1))
    kernel = layers[2].weight.clone()
    nn.init.zeros_(layers[1].weight)
    init_transformer(layers)
    assert 0.015 < layers[0].weight.std() < 0.025
    assert (layers[0].bias == 0).all()
    assert (layers[1].weight == 1).all()
    assert torch.equal(layers[2].weight, kernel)
