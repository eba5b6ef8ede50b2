"""Twice as many nodes, or mistakes, take about twice as many calls or instructions."""

import gc
import sys
from contextlib import suppress

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import large_specs
from composer import Graph
from composer.construction import check_source
from composer.documents import parse_value
from composer.errors import CheckpointMismatchError, SpecError
from composer.experiment import load_experiment

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


def num_instructions(action):
    """Of Python's bytecode: loops within one function count, too."""
    count = 0

    def trace(frame, event, _argument):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    gc.collect()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(None)
    return count


def check(text):
    try:
        return check_source(parse_value(text, "s").plain(), nodes=large_specs.NODES)
    except SpecError:
        return None


def growth(prepare, act, count=num_calls, size=SIZE):
    act(prepare(10))  # caches are filled
    small, large = prepare(size), prepare(2 * size)
    return count(lambda: act(large)) / count(lambda: act(small))


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


def test_a_session_over_all_nodes_grows_in_proportion():
    x = torch.zeros(1)

    def visit(graph):
        session = graph.session(x)
        for name in graph.nodes():
            session[name]
        session[graph.nodes()[-2]] = x
        session["last"]

    def build(size):
        return Graph.from_blueprint(check(large_specs.chain(size)))

    assert growth(build, visit, num_instructions, size=80) < 2.4


FILES = {
    "own": lambda state: state,
    "prefixed": lambda state: {f"module.{key}": value for key, value in state.items()},
    "half": lambda state: {("x" * (i % 2)) + k: v for i, (k, v) in enumerate(state.items())},
    "more": lambda state: state | {f"more.{key}": value for key, value in state.items()},
    "other": lambda state: {f"other.{key}x": value for key, value in state.items()},
}


@pytest.mark.parametrize("kind", FILES)
def test_loading_grows_in_proportion(tmp_path, kind):
    def save(size):
        graph = Graph.from_blueprint(check(large_specs.chain(size)))
        file = tmp_path / f"{size}.safetensors"
        state = FILES[kind](graph.state_dict())
        save_file({key: tensor.clone() for key, tensor in state.items()}, file)
        return graph, file

    def load(saved):
        graph, file = saved
        with suppress(CheckpointMismatchError):
            graph.load(file)

    assert growth(save, load, num_instructions, size=80) < 2.4


def test_settings_of_an_experiment_grow_in_proportion(tmp_path):
    file = tmp_path / "chain.yaml"

    def prepare(size):
        file.write_text(large_specs.chain(size))
        datasets = {f"d{i}": {"uses": "coco", "on_fault": "skip"} for i in range(size)}
        own = {f"model.n{i}.size": 2 for i in range(size - 1)}
        own |= {f"datasets.d{i}.on_fault": "refuse" for i in range(size)}
        own |= {f"model.m{i}.size": 2 for i in range(size)}
        return {"composer_experiment": 1, "spec": str(file), "datasets": datasets, "set": own}

    def read(document):
        with suppress(SpecError):
            load_experiment(document)

    assert growth(prepare, read, size=40) < 2.4


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


@pytest.fixture
def _without_collector():
    """The collector looks at all of torch's objects, too, at times that have no part in this."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.slow
@pytest.mark.usefixtures("_without_collector")
@pytest.mark.parametrize("shape", ["chain", "fan", "nested"])
def test_ten_thousand_nodes_cost_ten_times_a_thousand(shape, tmp_path):
    """By processor time, which sees the loops of extensions, too; a square would be a hundred."""
    make = getattr(large_specs, shape)
    large_specs.measure(make(60), tmp_path)  # caches are filled
    small = [large_specs.measure(make(1000), tmp_path) for _ in range(3)]
    large = large_specs.measure(make(10_000), tmp_path)
    steps = ("check", "build", "plan", "run", "first value", "value after an override")
    for step in steps:
        assert large[step] < 30 * min(each[step] for each in small) + 0.2, step
