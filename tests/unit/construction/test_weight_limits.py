"""Giant weights are refused before they are allocated, at the setting that asks for them."""

import pytest
import torch
from torch import Tensor, nn

from composer import Graph, InputError
from composer.construction import check_source, weight_limits
from composer.errors import SpecError


class Wide(nn.Module):
    """A linear layer, and as many others as are asked for."""

    def __init__(self, *, width: int = 4, num_layers: int = 1, sizes: tuple[int, ...] = ()) -> None:
        super().__init__()
        if len(sizes) == 2:
            raise ValueError(f"sizes has {len(sizes)} numbers")
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(num_layers))

    def forward(self, x: Tensor) -> Tensor:
        return x


def spec(**config):
    return {
        "composer": 1,
        "inputs": {"x": "any"},
        "params": {"wide": 4},
        "nodes": {
            "a": {"uses": "wide", "with": {"width": "${wide}"}, "inputs": {"x": "x"}},
            "b": {"uses": "wide", "with": config, "inputs": {"x": "a"}},
        },
    }


def problem(document, **settings):
    with pytest.raises(SpecError) as caught:
        check_source(document, nodes={"wide": Wide}, set=settings)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("config", "key"), [({"width": 10**9}, "width"), ({"num_layers": 10**8}, "num_layers")]
)
def test_what_no_machine_could_hold_is_a_problem_of_the_setting(config, key):
    found = problem(spec(**config))
    assert found.place.pointer == f"nodes.b.with.{key}"
    assert found.message.startswith("node 'b' cannot be built: it")
    assert found.hint == f"'b.{key}' is {config[key]}."


def test_a_setting_from_outside_is_the_place_of_the_problem():
    found = problem(spec(), wide=10**9)
    assert (found.place.source, found.place.pointer) == ("set", "wide")
    assert found.message == "node 'a' cannot be built: its weights would take more than 1000 TiB"


def test_weights_beyond_the_memory_at_hand_are_refused_before_anything_is_built(monkeypatch):
    monkeypatch.setattr(weight_limits, "available_memory", lambda: 10_000)
    blueprint = check_source(spec(width=100), nodes={"wide": Wide})
    message = (
        r"the weights would take 40 kiB of memory, and 9.8 kiB are at hand. The largest node is "
        r"'b' with 39 kiB. Its largest setting is width: 100."
    )
    with pytest.raises(InputError, match=message):
        Graph.from_blueprint(blueprint)
    assert len(Graph.from_blueprint(blueprint.part("a")).nodes()) == 1


def test_weights_of_which_the_system_says_nothing_are_built(monkeypatch):
    monkeypatch.setattr(weight_limits, "available_memory", lambda: None)
    graph = Graph.from_blueprint(check_source(spec(width=100), nodes={"wide": Wide}))
    assert torch.is_tensor(next(graph.parameters()))


@pytest.mark.parametrize("config", [{"sizes": [1, 2], "width": 3}, {"width": 3, "sizes": [1, 2]}])
def test_an_error_of_a_constructor_is_told_at_the_setting_that_it_names(config):
    found = problem(spec(**config))
    assert found.place.pointer == "nodes.b.with.sizes"
    assert found.message == "node 'b' cannot be built: ValueError: sizes has 2 numbers"
    assert found.hint == "'b.sizes' is [1, 2]."


def test_a_billion_classes_of_a_detector_are_refused():
    with pytest.raises(SpecError, match="--set num_classes=1000000000: node"):
        check_source("faster_rcnn_r50_fpn", set=["num_classes=1000000000"])
