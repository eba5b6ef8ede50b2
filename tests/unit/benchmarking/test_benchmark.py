"""Benchmarks of ways: turns, refusals, tables, JSON and plots."""

import json

import pytest
import torch
from torch import Tensor, nn

from composer import Graph, InputError
from composer.benchmarking import (
    EAGER,
    Way,
    benchmark,
    choose_ways,
    format_benchmark,
    format_nodes,
    plot_benchmark,
    to_json,
)

RUNS: list[str] = []


class Double(nn.Module):
    """Doubles."""

    def forward(self, x: Tensor) -> Tensor:
        RUNS.append("double")
        return 2 * x


class Other(Way):
    """A way that is one of its own."""

    def apply(self, graph, calibrate=None):
        if self.precision == "int8":
            raise InputError("needs another processor")
        other = Graph.from_spec(DOCUMENT, nodes={**NODES, "double": Off})
        RUNS.append("applied")
        return other.eval()


class Off(nn.Module):
    """Doubles with an error."""

    def forward(self, x: Tensor) -> Tensor:
        RUNS.append("off")
        return 2 * x + 0.5


NODES = {"double": Double}
DOCUMENT = {
    "composer": 1,
    "name": "demo",
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "double", "inputs": {"x": "x"}},
        "b": {"uses": "double", "inputs": {"x": "a"}},
    },
    "outputs": {"y": "b"},
}


@pytest.fixture
def found():
    RUNS.clear()
    graph = Graph.from_spec(DOCUMENT, nodes=NODES)
    return benchmark(
        graph,
        [Other(), Other("int8")],
        torch.ones(3),
        rounds=2,
        nodes=True,
        evaluate=lambda graph: {"bbox/AP": 0.5},
    )


def test_ways_run_in_turns_after_two_runs_to_warm_up(found):
    one, other = ["double"] * 2, ["off"] * 2
    warm_up = [*one, *one, "applied", *other, *other]
    assert RUNS[: len(warm_up) + 8] == [*warm_up, *one, *other, *one, *other]
    assert [len(each.seconds) for each in found.ways] == [2, 2, 0]


def test_each_way_is_compared_with_the_eager_one(found):
    eager, other, refused = found.ways
    assert eager.way == EAGER
    assert eager.differences == ()
    assert [each.relative for each in other.differences] == [0.375]
    assert refused.reason == "needs another processor"
    assert found.speedup(eager) == 1.0
    assert other.peak_bytes > 0


def test_the_table_names_machine_ways_and_refusals(found):
    text = format_benchmark(found)
    assert text.startswith("demo on ")
    assert f"torch {torch.__version__}; 2 rounds in turns" in text
    assert "bbox AP" in text
    assert "optimized int8: needs another processor" in text
    assert "  optimized float32, y: 3.8e-01 of the maximum" in text


def test_nodes_are_listed_with_their_errors(found):
    lines = format_nodes(found).splitlines()
    assert lines[0].split() == ["node", "eager", "optimized", "float32", "error"]
    assert lines[1].split()[-1] == "2.5e-01"
    assert lines[2].split()[-1] == "3.8e-01"


def test_measures_are_written_as_json(found):
    document = json.loads(json.dumps(to_json(found)))
    assert document["composer_benchmark"] == 1
    eager, other, refused = document["ways"]
    assert eager["min"] == min(eager["seconds"])
    assert other["differences"][0]["relative"] == 0.375
    assert refused == {
        "precision": "int8",
        "is_optimized": True,
        "engine": "",
        "name": "optimized int8",
        "reason": "needs another processor",
    }
    assert [node["path"] for node in eager["nodes"]] == ["a", "b"]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_measures_are_drawn(found, ending, tmp_path):
    file = tmp_path / f"plot.{ending}"
    plot_benchmark(file, found)
    start = file.read_bytes()[:200]
    assert b"PNG" in start or b"<?xml" in start
    with pytest.raises(InputError, match="a plot is one of"):
        plot_benchmark(tmp_path / "plot.txt", found)


def test_ways_are_chosen_by_engines_and_precisions(monkeypatch):
    names = [way.name for way in choose_ways(["openvino"], ["float32", "int8"])]
    assert names == ["eager", "optimized float32", "openvino float32", "openvino int8"]
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert [way.name for way in choose_ways()] == ["eager", "optimized float32"]
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")


def test_optimised_ways_leave_the_graph_as_it_is():
    graph = Graph.from_spec(DOCUMENT, nodes=NODES)
    found = benchmark(graph, [Way()], torch.ones(3), until="b", rounds=1)
    assert [each.largest for each in found.ways[1].differences] == [0.0]
    assert found.ways[1].differences[0].output == "b"
    assert graph.source is None
