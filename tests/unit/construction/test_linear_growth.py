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
