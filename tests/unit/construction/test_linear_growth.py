"""Specs of twice as many nodes, or mistakes, take about twice as many calls."""

import gc
import sys

import pytest
import torch

from benchmarks import large_specs
from composer import Graph
from composer.construction import check_source
from composer.documents import parse_value
from composer.errors import SpecError

SIZE = 150


def num_calls(action):
    count = 0

    def profile(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def check(text):
    try:
        return check_source(parse_value(text, "s").plain(), nodes=large_specs.NODES)
    except SpecError:
        return None


def growth(prepare, act):
    act(prepare(10))  # caches are filled
    small, large = prepare(SIZE), prepare(2 * SIZE)
    return num_calls(lambda: act(large)) / num_calls(lambda: act(small))


@pytest.mark.parametrize(
    "shape",
    ["chain", "fan", "nested", "wrong_wires", "unknown_params", "settings"],
)
def test_checking_grows_in_proportion(shape):
    make = getattr(large_specs, shape)
    assert growth(lambda size: make(max(size, 60)), check) < 2.4


@pytest.mark.parametrize("shape", ["chain", "fan", "nested"])
def test_building_planning_and_running_grow_in_proportion(shape):
    make = getattr(large_specs, shape)
    x = torch.zeros(1)

    def use(blueprint):
        graph = Graph.from_blueprint(blueprint)
        graph(x)
        session = graph.session(x)
        session["last"]
        session[graph.nodes()[-2]] = x
        session["last"]

    assert growth(lambda size: check(make(max(size, 60))), use) < 2.4


def within(shape):
    """The nodes of a text in a nested graph."""
    *head, nodes = shape.partition("nodes:")
    inner, _, _ = nodes.partition("outputs:")
    inner = inner.rstrip().replace("\n", "\n    ")
    return f"{''.join(head)}\n  inside:\n    inputs: {{x: x}}\n    nodes:{inner}\n"


def test_naming_all_nodes_by_their_ends_grows_in_proportion():
    def name_all(blueprint):
        book = blueprint.book("inference")
        for path in blueprint.nodes:
            end = path.partition(".")[2]
            assert book.resolve_node(end) == book.resolve(end).name == path

    assert growth(lambda size: check(within(large_specs.chain(size))), name_all) < 2.4


def test_nodes_of_the_same_values_are_built_once_to_be_checked():
    built = []

    class Counted(torch.nn.Module):
        def __init__(self, *, size: int = 1, names: list[str] | None = None) -> None:
            super().__init__()
            built.append((size, names))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    configs = [{}, {"size": 1}, {}, {"size": 2}, {"names": ["a"]}, {"names": ["b"]}, {"size": 2}]
    nodes = {
        f"n{i}": {"uses": "counted", "with": with_, "inputs": {"x": "x"}}
        for i, with_ in enumerate(configs)
    }
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    blueprint = check_source(spec, nodes={"counted": Counted})
    assert len(built) == 5
    assert [node.config["size"] for node in blueprint.nodes.values()] == [1, 1, 1, 2, 1, 1, 2]
    built.clear()
    Graph.from_blueprint(blueprint)
    assert len(built) == len(configs)
