"""What is said of sets of nodes that an engine cannot compile."""

import logging

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer import ExecutionError, Graph
from composer.acceleration import find_failing_node
from composer.layers import Optimization
from fake_engine import FakeEngine

X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


class Double(nn.Module):
    optimization = classmethod(lambda cls: Optimization(dense=True))

    def forward(self, x: Tensor) -> Tensor:
        return x * 2


class Choosing(nn.Module):
    """Decides by its values, which no program does."""

    optimization = classmethod(lambda cls: Optimization(dense=True))

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Exporting(FakeEngine):
    def compile(self, part, precision, calibration, folder) -> None:
        part.export()


SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "first": {"uses": "double", "inputs": {"x": "x"}},
        "second": {"uses": "choosing", "inputs": {"x": "first"}},
    },
    "outputs": {"y": "second"},
}


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes={"double": Double, "choosing": Choosing}).eval()


def test_the_node_at_which_a_program_fails_is_named(graph, caplog):
    fast = graph.accelerate(Exporting(), cache=False)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(fast(X)["y"], X * 2)
    assert "the engine 'exporting' cannot take first, second: at second, " in caplog.text
    assert "for at second" in str(fast.plan())
    with pytest.raises(ExecutionError, match="at second"):
        graph.accelerate(Exporting(), ["first", "second"], cache=False)(X)


def test_a_note_is_one_line_without_a_terminal_s_colours(graph, caplog):
    engine = FakeEngine()

    def fail(*_):
        raise RuntimeError("\nFailed. \x1b[96mStep 1/3\x1b[0m of it.\nNext steps: none")

    engine.compile = fail
    with caplog.at_level(logging.WARNING):
        graph.accelerate(engine, cache=False)(X)
    (record,) = caplog.records
    assert record.getMessage() == (
        "note: the engine 'fakeengine' cannot take first, second: RuntimeError: Failed. Step 1/3 "
        "of it. Next steps: none. PyTorch runs them."
    )


class DoubleMap(nn.Module):
    optimization = classmethod(lambda cls: Optimization(dense=True))

    def forward(self, x: Float[Tensor, "N _ _ _"]) -> Float[Tensor, "N _ _ _"]:
        return x * 2


class OfOneSize(FakeEngine):
    """Has the size of its example written into what it compiles."""

    def load(self, folder, part, precision):
        shape = part.examples[0].shape

        def run(x):
            if x.shape != shape:
                raise ValueError(f"the size is {tuple(x.shape)}")
            return part.module(x)

        return run


def test_a_program_of_one_size_is_not_used(caplog):
    nodes = {"only": {"uses": "double_map", "inputs": {"x": "x"}}}
    spec = {**SPEC, "nodes": nodes, "outputs": {"y": "only"}}
    fast = Graph.from_spec(spec, nodes={"double_map": DoubleMap}).eval()
    fast = fast.accelerate(OfOneSize(), cache=False)
    x = torch.rand(2, 3, 128, 160)
    assert torch.equal(fast(x)["y"], x * 2)
    assert "cannot take only: ValueError: the size is (4, 3, 64, 96)" in caplog.text


def test_an_error_elsewhere_names_no_node():
    with pytest.raises(ValueError, match="elsewhere") as caught:
        raise ValueError("elsewhere") from KeyError("x")
    assert find_failing_node(caught.value) == ""
