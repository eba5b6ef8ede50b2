"""Building modules: from seeds of their own, as often as wanted, with one configuration."""

import torch
from torch import nn

from composer.construction import build_modules

HEAD = "composer: 1\ninputs: {x: any}\n"


def test_what_a_constructor_does_to_its_configuration_is_not_seen_again(spec_folder):
    class Greedy(nn.Module):
        def __init__(self, *, sizes: list[int]) -> None:
            super().__init__()
            self.seen = list(sizes)
            sizes.append(0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    blueprint = spec_folder.check(
        f"{HEAD}nodes: {{a: {{uses: greedy, inputs: {{x: x}}, with: {{sizes: [1, 2]}}}}}}\n",
        nodes={"greedy": Greedy},
    )
    assert [build_modules(blueprint)["a"].seen for _ in range(2)] == [[1, 2], [1, 2]]


def test_first_weights_depend_on_the_seed_and_the_path_only(spec_folder):
    nodes = "s: {uses: source, inputs: {x: x}}\n  a: {uses: linear, inputs: {x: s}}\n"
    more = "  b: {uses: linear, inputs: {x: s}}\n"
    few = build_modules(spec_folder.check(f"{HEAD}nodes:\n  {nodes}"), seed=3)
    torch.rand(5)
    many = build_modules(spec_folder.check(f"{HEAD}nodes:\n{more}  {nodes}"), seed=3)
    other = build_modules(spec_folder.check(f"{HEAD}nodes:\n  {nodes}"), seed=4)
    weights = [built["a"].linear.weight for built in (few, many, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(many["a"].linear.weight, many["b"].linear.weight)


def test_building_leaves_the_global_generator_alone(spec_folder):
    nodes = "{s: {uses: source, inputs: {x: x}}, l: {uses: linear, inputs: {x: s}}}"
    blueprint = spec_folder.check(f"{HEAD}nodes: {nodes}\n")
    before = torch.get_rng_state()
    build_modules(blueprint)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_constructor_that_needs_real_numbers_is_built_all_the_same(spec_folder):
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.largest = torch.rand(3).max().item()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    blueprint = spec_folder.check(
        f"{HEAD}nodes: {{a: {{uses: looks, inputs: {{x: x}}}}}}\n", nodes={"looks": Looks}
    )
    assert 0 <= build_modules(blueprint)["a"].largest < 1
