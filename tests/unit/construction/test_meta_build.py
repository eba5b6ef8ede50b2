import torch
from torch import nn

from composer.construction.modules import build_on_meta


def test_a_module_is_built_without_memory_and_without_drawing():
    state = torch.get_rng_state()
    module = build_on_meta(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    assert all(tensor.is_meta for tensor in module.state_dict().values())
    assert torch.equal(torch.get_rng_state(), state)


def test_real_tensors_are_filled_as_ever():
    table = torch.zeros(3)

    def build():
        nn.init.constant_(table, 2.0)
        nn.init.uniform_(tensor=table[:1])
        return nn.Linear(1, 1)

    build_on_meta(build)
    assert table[1:].tolist() == [2.0, 2.0]
    assert 0 <= table[0] < 1


def test_a_module_that_needs_numbers_is_built_with_memory():
    def build():
        size = int(torch.tensor([2.0]).sum())
        return nn.Linear(size, 3)

    assert build_on_meta(build).weight.shape == (3, 2)
