"""Kept values of sets of nodes that engines run."""

from unittest.mock import patch

import pytest
import torch

from composer.value_cache import ValueCache
from fake_engine import FakeEngine
from published_nodes import build, published_nodes

X = torch.tensor([[1.0, -2.0], [3.0, 4.0]])
OFFSET = 1e-3  # less than the check of a compiled set allows
SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "scale", "inputs": {"x": "x"}},
        "b": {"uses": "shift", "inputs": {"x": "a"}},
    },
    "outputs": {"y": "b"},
}


@pytest.fixture(autouse=True)
def nodes(tmp_path):
    with published_nodes(tmp_path / "installed") as module:
        yield module


@pytest.fixture
def cache(tmp_path):
    return ValueCache(tmp_path / "values")


def accelerate(engine):
    with patch("composer.graph.engine_graph.is_dense", lambda node: node.path == "a"):
        return build(SPEC).eval().accelerate(engine, cache=False)


def fail(*_):
    raise RuntimeError("there is no compiler today")


def test_what_pytorch_computes_where_an_engine_fails_is_not_kept_as_the_engine_s(cache):
    plain = build(SPEC).eval().run(X, until="b")
    broken = FakeEngine(OFFSET)
    broken.compile = fail
    graph = accelerate(broken)
    assert torch.equal(graph.run(X, until="b", cache=cache), plain)
    assert cache.use.num_written == 0
    assert graph.unkept == {"a": "PyTorch computed it in place of the engine"}
    found = accelerate(FakeEngine(OFFSET)).run(X, until="b", cache=cache)
    torch.testing.assert_close(found, plain + OFFSET, rtol=0, atol=1e-6)
    assert not torch.equal(found, plain)
    assert cache.use.num_written == 2


def test_after_a_failure_values_are_kept_as_those_of_pytorch(cache):
    broken = FakeEngine(OFFSET)
    broken.compile = fail
    graph = accelerate(broken)
    for _ in range(2):
        graph.run(X, until="b", cache=cache)
    assert cache.use.num_written == 2
    build(SPEC).eval().run(X, until="b", cache=cache)
    assert cache.use.num_read == 1


def test_of_no_rows_which_no_engine_runs_values_are_kept(cache):
    for count in (0, 1):
        accelerate(FakeEngine()).run(torch.rand(0, 2), until="b", cache=cache)
        assert cache.use.num_read == count
