"""Runs that fail: what was computed stays, and the fixed graph continues from there."""

import json
import os
import pickle

import pytest
import torch

from composer import CheckpointError, ExecutionError, Graph, InputError
from composer.storage import read_value
from composer.structures import Boxes
from sample_nodes import NODES

X = torch.arange(6.0).reshape(2, 3) - 2.5


def fragile(x: torch.Tensor, *, broken: bool = True) -> torch.Tensor:
    """Fails until it is mended."""
    if broken:
        raise ValueError("it is broken")
    return x * 10


def to_boxes(x: torch.Tensor) -> list[Boxes]:
    """Boxes per image."""
    return [Boxes(torch.ones(1, 4))]


CALLS: list[str] = []


def costly(x: torch.Tensor) -> torch.Tensor:
    """Notes that it was called."""
    CALLS.append("costly")
    return x + 1


DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "costly", "inputs": {"x": "x"}},
        "n": {"uses": "noise", "inputs": {"x": "a"}},
        "s": {"uses": "split", "inputs": {"x": "n"}},
        "boxes": {"uses": "to_boxes", "inputs": {"x": "a"}},
        "f": {"uses": "fragile", "inputs": {"x": "s.low"}},
        "t": {"uses": "total", "inputs": {"parts": ["f", "s.high"], "extra": "n"}},
    },
    "outputs": {"y": "t"},
}
OWN = {**NODES, "fragile": fragile, "costly": costly, "to_boxes": to_boxes}


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def make(**settings):
    return Graph.from_spec(DOCUMENT, nodes=OWN, set=settings.get("set", ()))


def mended():
    return make(set={"f.broken": False})


def test_an_error_has_a_session_that_continues_when_the_node_is_mended():
    graph = make()
    with pytest.raises(ExecutionError, match="it is broken") as caught:
        graph.run(X, until=["t", "boxes"], seed=5)
    session = caught.value.session
    assert session.computed == ("n", "s", "boxes")  # a was released
    with pytest.raises(ExecutionError) as again:
        session["t"]
    assert again.value.session is session
    assert CALLS == ["costly"]
    session["f"] = session["s.low"] * 10
    assert torch.equal(session["t"], mended().run(X, until="t", seed=5))
    assert CALLS == ["costly", "costly"]


def test_an_error_of_a_session_has_that_session():
    session = make().session(X)
    with pytest.raises(ExecutionError) as caught:
        session["t"]
    assert caught.value.session is session
    assert "a" in session


def test_the_session_has_the_feeds_and_edits_of_the_run():
    graph = make()
    with pytest.raises(ExecutionError) as caught:
        graph.run(X, until="t", feeds={"a": X}, edits={"s.low": lambda x: x * 0}, seed=5)
    session = caught.value.session
    assert session.edited == ("s.low",)
    assert torch.equal(session["s.low"], torch.zeros(2, 3))
    session.undo("s.low")
    assert not torch.equal(session["s.low"], torch.zeros(2, 3))
    assert torch.equal(session["a"], X)


def test_an_error_crosses_process_borders_without_its_session():
    with pytest.raises(ExecutionError) as caught:
        make()(X)
    assert pickle.loads(pickle.dumps(caught.value)).session is None


def test_a_snapshot_continues_in_a_mended_graph(tmp_path):
    with pytest.raises(ExecutionError) as caught:
        make().run(X, until=["t", "boxes", "a"], seed=5)
    written = caught.value.session.save(tmp_path / "snap", {"failed": "f"})
    assert not written.left_out
    CALLS.clear()
    session = mended().session(snapshot=tmp_path / "snap")
    assert torch.equal(session["t"], mended().run(X, until="t", seed=5))
    assert session["boxes"][0].tensor.tolist() == [[1.0, 1.0, 1.0, 1.0]]
    assert CALLS == ["costly"]  # of the run to compare with
    stored = read_value(tmp_path / "snap" / "values" / "s.low.safetensors")
    assert torch.equal(stored, session["s.low"])
    assert json.loads((tmp_path / "snap" / "snapshot.json").read_text())["failed"] == "f"


def test_edited_and_fed_values_of_a_snapshot_are_replaced(tmp_path):
    nodes = {**DOCUMENT["nodes"], "a": {"uses": "shift", "inputs": {"x": "x"}}}
    document = {**DOCUMENT, "nodes": nodes}
    with pytest.raises(ExecutionError) as caught:
        Graph.from_spec(document, nodes=OWN).run(
            X, until="t", feeds={"a": X * 3}, edits={"s.low": lambda x: x * 0}, seed=5
        )
    caught.value.session.save(tmp_path / "snap")
    other = Graph.from_spec(document, nodes=OWN, set={"f.broken": False, "a.by": 3.0})
    session = other.session(snapshot=tmp_path / "snap")
    assert set(session.replaced) == {"a", "s.low"}
    assert torch.equal(session["a"], X * 3)  # was fed: what its node does now is of no account
    assert torch.equal(session["t"], torch.zeros(2, 3) + session["s.high"] + session["n"])
    del session["a"]
    assert torch.equal(session["a"], X + 3)
    assert torch.equal(session["s.low"], torch.zeros(2, 3))


def test_values_that_a_changed_node_gave_are_computed_anew(tmp_path):
    document = {
        **DOCUMENT,
        "nodes": {**DOCUMENT["nodes"], "a": {"uses": "shift", "inputs": {"x": "x"}}},
    }
    graph = Graph.from_spec(document, nodes=OWN)
    graph.session(X, seed=5).save(tmp_path / "empty")
    session = graph.session(X, seed=5)
    session["s"]
    session.save(tmp_path / "snap")
    other = Graph.from_spec(document, nodes=OWN, set={"a.by": 3.0, "f.broken": False})
    continued = other.session(snapshot=tmp_path / "snap")
    assert continued.computed == ()
    assert torch.equal(continued["t"], other.run(X, until="t", seed=5))


def test_what_cannot_be_stored_is_left_out(tmp_path):
    session = make().session(X)
    session["a"]
    session["boxes"] = [Boxes(torch.zeros(1, 4))]
    session._held.values[next(iter(session._held.values))] = object()
    written = session.save(tmp_path / "snap")
    assert list(written.left_out.values()) == ["a builtins.object cannot be stored"]
    assert "boxes" in make().session(X, snapshot=tmp_path / "snap")


def test_a_snapshot_that_cannot_be_read_is_refused(tmp_path):
    session = make().session(X)
    session["s"]
    session.save(tmp_path / "snap")
    with pytest.raises(CheckpointError, match="there is such a folder already"):
        session.save(tmp_path / "snap")
    with pytest.raises(InputError, match="no snapshot can be read"):
        make().session(snapshot=tmp_path / "other")
    with pytest.raises(InputError, match="the snapshot is of inference, and asked for is training"):
        make().session(snapshot=tmp_path / "snap", mode="training")
    manifest = tmp_path / "snap" / "snapshot.json"
    document = json.loads(manifest.read_text())
    for text in ("{", "[]", json.dumps({**document, "values": {"a": "../../a"}}), "{}"):
        manifest.write_text(text)
        with pytest.raises(InputError):
            make().session(snapshot=tmp_path / "snap")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": {"a": "values/none.safetensors"}}, r"none\.safetensors: .* No such file"),
        ({"values": {"a": "values/pipe.safetensors"}}, r"pipe\.safetensors: .* it is a pipe"),
        ({"values": {"a": "values/loop.safetensors"}}, r"loop\.safetensors: .* symbolic links"),
        ({"values": {"a": "values"}}, r"values/values: the value of 'a' cannot be read"),
        ({"values": {"a:x": "values/x.safetensors"}}, r"x\.safetensors: 'a:x': a tap can be read"),
        ({"values": {"a": 5}}, r"values/5: the value of 'a' cannot be read"),
        ({"edited": {}}, r"snapshot\.json: no snapshot can be read"),
        ({"edits": "a=zero"}, r"snapshot\.json: no snapshot can be read"),
        ({"seed": True}, r"snapshot\.json: no snapshot can be read"),
        ({"mode": "fly"}, "a snapshot of fly, which this graph does not have"),
    ],
)
def test_a_hostile_snapshot_is_refused_with_the_name_of_its_file(change, message, tmp_path):
    session = make().session(X)
    session["s"]
    session.save(tmp_path / "snap")
    os.mkfifo(tmp_path / "snap/values/pipe.safetensors")
    (tmp_path / "snap/values/loop.safetensors").symlink_to("loop.safetensors")
    manifest = tmp_path / "snap/snapshot.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(InputError, match=message):
        make().session(snapshot=tmp_path / "snap")
