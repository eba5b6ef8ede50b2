"""Runs that keep values on disk, and find them again."""

import os
import random
import sys
from functools import partial

import numpy as np
import pytest
import torch

from composer import Graph, InputError
from composer.value_cache import ValueCache, open_cache
from published_nodes import MODULE, build, published_nodes
from sample_nodes import NODES

X = torch.arange(6.0).reshape(2, 3) - 2.5
CHAIN = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "inputs": {"x": "a"}},
        "s": {"uses": "split", "inputs": {"x": "b"}},
        "n": {"uses": "noise", "inputs": {"x": "s.low"}},
        "c": {"uses": "shift", "inputs": {"x": "n"}, "with": {"by": 2.0}},
    },
    "outputs": {"y": "c"},
}


@pytest.fixture(autouse=True)
def nodes(tmp_path):
    with published_nodes(tmp_path / "installed") as module:
        yield module


@pytest.fixture
def cache(tmp_path):
    return ValueCache(tmp_path / "values")


def test_a_second_run_runs_only_what_draws_and_nothing_above_it(cache, ran):
    first = build(CHAIN).run(X, until=["c", "b"], seed=1, cache=cache)
    assert ran == ["a", "b", "s", "n", "c"]
    ran.clear()
    second = build(CHAIN).run(X, until=["c", "b"], seed=1, cache=cache)
    assert ran == []
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert cache.use.num_read == 2


def test_below_a_node_that_draws_values_are_kept_for_their_seed_only(cache, ran):
    graph = build(CHAIN)
    for seed in (1, 2, None, None):
        ran.clear()
        graph.run(X, until="c", seed=seed, cache=cache)
        assert ran == (["a", "b", "s", "n", "c"] if seed == 1 else ["n", "c"])
    ran.clear()
    graph.run(X, until="n", seed=1, cache=cache)
    assert ran == ["n"]


@pytest.mark.parametrize("what", ["weight", "config", "input", "mode", "threads", "dtype"])
def test_what_a_value_depends_on_is_part_of_its_key(cache, ran, what):
    graph = build(CHAIN)
    graph.run(X, until="b", cache=cache)
    ran.clear()
    x, mode = X, "inference"
    if what == "weight":
        graph.module("b").weight.data.add_(1.0)
    elif what == "config":
        graph = build(CHAIN, set={"b.start": 3.0})
    elif what == "input":
        x = X + 1
    elif what == "mode":
        mode = "training"
    elif what == "threads":
        before = torch.get_num_threads()
        torch.set_num_threads(before + 1)
    elif what == "dtype":
        graph.to(torch.float64)
    try:
        with torch.no_grad():
            graph.run(x, until="b", mode=mode, cache=cache)
    finally:
        if what == "threads":
            torch.set_num_threads(before)
    assert ran == (["b"] if what in ("weight", "config", "dtype") else ["a", "b"])


def test_a_configuration_that_was_changed_by_hand_counts(cache):
    graph = build(CHAIN)
    graph.run(X, until="b", cache=cache)
    graph.module("b").weight = torch.nn.Parameter(torch.tensor(5.0))
    assert torch.equal(graph.run(X, until="b", cache=cache), (X + 1) * 5)


def test_a_changed_source_gives_no_stale_value(tmp_path, cache, nodes):
    graph = build(CHAIN)
    graph.run(X, until="a", cache=cache)
    text = nodes.read_text().replace("return x + by", "return x - by")
    sys.modules.pop(MODULE)
    written = nodes.stat().st_mtime
    nodes.write_text(text)
    os.utime(nodes, (written + 2, written + 2))  # compiled code is told by the second
    import importlib

    importlib.invalidate_caches()
    from composer.value_cache import code_hashes

    code_hashes._describe_all.cache_clear()
    code_hashes._describe_package.cache_clear()
    assert torch.equal(build(CHAIN).run(X, until="a", cache=cache), X - 1)


def test_a_source_that_changed_after_its_import_keeps_nothing(cache, nodes):
    graph = build(CHAIN)
    nodes.write_text(nodes.read_text() + "\n# another line\n")
    graph.run(X, until="a", cache=cache)
    assert cache.use.num_written == 0
    assert "changed while it was in use" in graph.unkept["a"]


def test_a_node_type_of_a_users_is_not_kept_nor_is_what_is_below(cache):
    document = {**CHAIN, "nodes": {**CHAIN["nodes"], "b": {"uses": "mine", "inputs": {"x": "a"}}}}
    from published_nodes import qualified

    document = qualified(document)
    document["nodes"]["b"]["uses"] = "mine"
    graph = Graph.from_spec(document, nodes={"mine": NODES["shift"]})
    graph.run(X, until="s", cache=cache)
    assert cache.use.num_written == 1  # a


def test_below_a_hook_nothing_is_kept_and_the_hook_is_called(cache):
    graph = build(CHAIN)
    graph.run(X, until="s", cache=cache)
    seen = []
    with graph.add_hook(lambda path, _: seen.append(path), "after", "b"):
        graph.run(X, until="s", cache=cache)
    assert seen == ["b"]
    assert graph.unkept == {"b": "a hook watches it"}
    handle = graph.module("b").register_forward_hook(lambda *_: torch.zeros(2, 3))
    assert torch.equal(graph.run(X, until="b", cache=cache), torch.zeros(2, 3))
    handle.remove()
    assert torch.equal(graph.run(X, until="b", cache=cache), (X + 1) * 2)


def test_values_that_have_gradients_are_not_kept(cache):
    graph = build(CHAIN)
    found = graph.run(X, until="b", mode="training", cache=cache)
    assert found.requires_grad
    assert cache.use.num_written == 1  # a, above the weight
    x = X.clone().requires_grad_()
    assert graph.run(x, until="b", cache=cache).requires_grad
    assert not graph.run(X, until="b", cache=cache).requires_grad


def test_undeclared_draws_are_noticed(cache, monkeypatch):
    monkeypatch.delitem(sys.modules, "beartype", raising=False)  # which draws, too
    for draw in (lambda: torch.rand(()), lambda: random.random(), lambda: np.random.rand()):
        graph = build(CHAIN)
        import kept_nodes

        monkeypatch.setattr(kept_nodes.Scale, "forward", _drawing(draw))
        graph.run(X + float(torch.rand(())), until="s", cache=cache)
    assert cache.use.num_written == 3  # a
    assert "drew from a global generator" in graph.unkept["b"]


def _drawing(draw):
    def forward(self, x):
        return x * self.weight + float(draw())

    return forward


def test_a_module_whose_statistics_a_run_changes_is_not_kept(cache):
    graph = build(CHAIN)
    graph.module("b").register_buffer("seen", torch.zeros(()))
    import kept_nodes

    def forward(self, x):
        self.seen += 1
        return x * self.seen

    before = kept_nodes.Scale.forward
    kept_nodes.Scale.forward = forward
    try:
        for number in (1, 2):
            assert torch.equal(graph.run(X, until="b", cache=cache), (X + 1) * number)
    finally:
        kept_nodes.Scale.forward = before


def test_a_value_of_a_session_that_was_changed_in_place_counts_as_it_is(cache):
    graph = build(CHAIN)
    graph.session(X, cache=cache)["s.high"]
    session = graph.session(X, cache=cache)
    session["b"].mul_(3.0)
    assert torch.equal(session["s.high"], ((X + 1) * 6).clamp(min=0))
    assert torch.equal(graph.session(X, cache=cache)["s.high"], ((X + 1) * 2).clamp(min=0))


def test_taps_are_seen(cache):
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {
            "a": {"uses": "source", "inputs": {"x": "x"}},
            "b": {"uses": "linear", "inputs": {"x": "a"}},
        },
    }
    graph = build(document)
    for _ in range(2):
        found = graph.run(X, until=["b", "b:linear"], cache=cache)
        assert torch.equal(found["b"], found["b:linear"])


def test_a_run_that_fails_keeps_what_it_computed(cache, ran):
    nodes = {**CHAIN["nodes"], "f": {"uses": "fail", "inputs": {"x": "s.high"}}}
    graph = build({**CHAIN, "nodes": nodes})
    for expected in (["a", "b", "s", "f"], ["f"]):
        ran.clear()
        with pytest.raises(Exception, match="cannot be done"):
            graph.run(X, until="f", cache=cache)
        assert ran == expected


def test_a_folder_of_other_things_and_a_file_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="has other things in it"):
        build(CHAIN).run(X, until="a", cache=tmp_path / "photos")
    with pytest.raises(InputError, match="this is none"):
        build(CHAIN).run(X, until="a", cache=tmp_path / "photos" / "a.jpg")
    with pytest.raises(InputError, match="a cache is a folder, not bool"):
        build(CHAIN).run(X, until="a", cache=True)


def test_a_folder_is_one_cache(tmp_path):
    assert open_cache(tmp_path / "v") is open_cache(str(tmp_path / "v"))


def test_a_fed_port_of_a_node_that_runs_for_another_port_is_what_was_fed(cache):
    nodes = {**CHAIN["nodes"], "d": {"uses": "shift", "inputs": {"x": "s.high"}}}
    graph = build({**CHAIN, "nodes": nodes})
    graph.run(X, until="d", cache=cache)
    feeds = {"s.high": torch.zeros(2, 3)}
    found = graph.run(X, until=["d", "s.low"], feeds=feeds, cache=cache)
    assert torch.equal(found["d"], torch.ones(2, 3))


def test_below_an_edit_nothing_is_kept_and_above_it_all(cache, ran):
    graph = build(CHAIN)
    for expected in (["a", "b", "s"], ["b", "s"]):
        ran.clear()
        found = graph.run(X, until="s.high", edits={"b": lambda x: x * 0 + 1}, cache=cache)
        assert torch.equal(found, torch.ones(2, 3))
        assert ran == expected
    assert torch.equal(graph.run(X, until="s.high", cache=cache), ((X + 1) * 2).clamp(min=0))
    with graph.editing({"x": lambda x: x * 0}):
        assert torch.equal(graph.run(X, until="a", cache=cache), torch.ones(2, 3))
    assert torch.equal(graph.run(X, until="a", cache=cache), X + 1)


def test_a_session_with_a_cache_edits_and_takes_back(cache):
    graph = build(CHAIN)
    session = graph.session(X, cache=cache)
    for _ in range(2):
        edit = session.edit("b", lambda x: x * 0 + 1)
        assert torch.equal(session["s.high"], torch.ones(2, 3))
        edit.undo()
        assert torch.equal(session["s.high"], ((X + 1) * 2).clamp(min=0))


def test_a_cache_holds_while_a_block_runs(cache, ran):
    graph = build(CHAIN)
    with graph.keeping(cache) as held:
        assert held is cache
        graph.run(X, until="b")
        assert graph.session(X)["b"] is not None
        graph(X)
    assert ran == ["a", "b", "s", "n", "c"]
    ran.clear()
    graph.run(X, until="b")
    assert ran == ["a", "b"]


def test_nodes_that_are_measured_run(cache):
    graph = build(CHAIN)
    graph.run(X, until="b", cache=cache)
    with graph.keeping(cache):
        assert [node.path for node in graph.profile(X, until="b").nodes] == ["a", "b"]
        assert [node.path for node in graph.costs(X, until="b").nodes] == ["a", "b"]
    for measure in (graph.profile, graph.costs):
        with pytest.raises(InputError, match="a cache would leave them out"):
            measure(X, until="b", cache=cache)


def test_another_version_of_the_distribution_finds_nothing(tmp_path, ran):
    for version, expected in (("1.0", ["a", "b"]), ("1.1", ["a", "b"]), ("1.0", [])):
        with published_nodes(tmp_path / f"{version}-{len(expected)}", version):
            build(CHAIN).run(X, until="b", cache=tmp_path / "values")
            assert ran == expected
            ran.clear()


def test_threads_share_a_cache(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    graph = build(CHAIN)
    with ThreadPoolExecutor(4) as pool:
        run = partial(graph.run, until="b", cache=tmp_path / "values")
        found = list(pool.map(run, [X + i % 3 for i in range(30)]))
    assert all(torch.equal(each, (X + i % 3 + 1) * 2) for i, each in enumerate(found))


def test_an_edit_that_nothing_needs_is_not_made_for_the_cache(cache):
    def refuse(x):
        raise ValueError("not needed")

    graph = build(CHAIN)
    wanted = graph.run(X, until="c", seed=1)
    found = graph.run(X, until="c", seed=1, edits={"s.high": refuse}, cache=cache)
    assert torch.equal(found, wanted)
