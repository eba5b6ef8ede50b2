"""Checkpoints whose plugins are missing, are others now, or fail to import."""

import json
import sys

import pytest
import torch

from composer.discovery import find_version, forget_entry_points
from composer.errors import CheckpointMismatchError, SpecError
from composer.graph import Graph
from composer.graph.description import read_description

PLUGIN = """
    from torch import Tensor, nn


    class Scale(nn.Module):
        def __init__(self, *, factor: float = 1.0) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return x


    def shift(x: Tensor, *, by: float = 0.0) -> Tensor:
        return x + by
    """
ENTRIES = "[composer.nodes]\nscale = composer_extra:Scale\nshift = composer_extra:shift\n"
SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "scale", "inputs": {"x": "x"}},
        "b": {"uses": "shift", "inputs": {"x": "a"}, "with": {"by": 2.0}},
        "c": {"uses": "scale", "inputs": {"x": "b"}},
    },
    "outputs": {"y": "c"},
}
INSTALLED = f"detection-composer {find_version()}"


@pytest.fixture
def saved(plugin_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin_folder.install("composer-extra", ENTRIES, {"composer_extra": PLUGIN}, version="1.2")
    Graph.from_spec(SPEC).save("model.pth")
    return plugin_folder


def reinstall(folder, entries, text=PLUGIN, version="2.0"):
    for path in folder.path.glob("*.dist-info/*"):
        path.unlink()
    for path in folder.path.glob("*.dist-info"):
        path.rmdir()
    forget_entry_points()
    if entries:
        folder.install("composer-extra", entries, {"composer_extra": text}, version=version)


def complain():
    with pytest.raises(SpecError) as caught:
        Graph.open("model.pth")
    return str(caught.value), caught.value.problems


def test_a_checkpoint_says_what_it_needs(saved):
    spec = read_description("model.pth").spec
    assert spec.versions == {"composer-extra": "1.2", "detection-composer": find_version()}
    assert spec.document["nodes"]["a"]["uses"] == "composer-extra/scale"


def test_a_missing_distribution_is_one_problem(saved):
    reinstall(saved, "")
    text, problems = complain()
    assert [str(problem.place) for problem in problems] == ["model.pth"]
    assert problems[0].message == (
        "the distribution 'composer-extra' is not installed, so there is no node type "
        "'composer-extra/scale'; 3 nodes have their types from it: a, b, c"
    )
    assert problems[0].hint == f"Node types are installed of: {INSTALLED}."
    assert f"model.pth was saved with composer-extra 1.2 (is not installed), {INSTALLED}." in text
    assert "pip" not in text
    assert "Did you mean" not in text


def test_a_renamed_type_says_what_the_file_was_saved_with(saved):
    reinstall(saved, ENTRIES.replace("shift =", "move ="))
    text, problems = complain()
    assert problems[0].message.startswith("unknown node type 'composer-extra/shift'")
    assert "model.pth was saved with composer-extra 1.2 (2.0 is installed)" in text


def test_a_renamed_key_says_what_the_file_was_saved_with(saved, monkeypatch):
    monkeypatch.delitem(sys.modules, "composer_extra")
    reinstall(saved, ENTRIES, PLUGIN.replace("by:", "offset:").replace("x + by", "x"))
    text, problems = complain()
    assert (
        problems[0].message == "node 'b': configuration 'by' is not known to composer-extra/shift"
    )
    assert "model.pth was saved with composer-extra 1.2 (2.0 is installed)" in text


def test_a_renamed_weight_says_what_the_file_was_saved_with(saved, monkeypatch):
    assert Graph.open("model.pth").load("model.pth").notes == ()
    monkeypatch.delitem(sys.modules, "composer_extra")
    reinstall(saved, ENTRIES, PLUGIN.replace("self.layer", "self.linear"))
    saved_with = r"note: it was saved with composer-extra 1\.2 \(2\.0 is installed\)"
    with pytest.raises(CheckpointMismatchError, match=saved_with):
        Graph.open("model.pth")


def test_a_type_given_in_python_is_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Head(torch.nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    spec = {**SPEC, "nodes": {"a": {"uses": "mask_head", "inputs": {"x": "x"}}}, "outputs": {}}
    Graph.from_spec(spec, nodes={"mask_head": Head}).save("model.pth")
    _, problems = complain()
    assert problems[0].message == (
        "node type 'mask_head' is of no distribution: it was given in Python when the file was "
        "saved, as nodes={'mask_head': ...}. Give it again"
    )
    assert Graph.open("model.pth", nodes={"mask_head": Head})


def test_the_first_format_is_read_by_the_plugins_that_it_recorded(saved, tmp_path):
    from composer.checkpoint import describe_checkpoint, format_for, read_checkpoint
    from composer.checkpoint.writer import write_checkpoint

    metadata = dict(describe_checkpoint("model.pth").metadata)
    document = json.loads(metadata["composer.spec"])
    for node in document["nodes"].values():
        node["uses"] = node["uses"].partition("/")[2]
    label = "of composer-extra (composer-extra 1.2)"
    metadata |= {
        "composer.format": "1",
        "composer.spec": json.dumps(document),
        "composer.plugins": json.dumps({n: f"'{n}' {label}" for n in ("scale", "shift")}),
    }
    tensors = read_checkpoint("model.pth").tensors
    write_checkpoint("old.pth", tensors, metadata=metadata, format=format_for("old.pth"))
    saved.install(
        "other", "[composer.nodes]\nscale = other:Scale\nshift = other:shift\n", {"other": "1 / 0"}
    )
    assert read_description("old.pth").spec.document["nodes"]["b"]["uses"] == "composer-extra/shift"
    assert Graph.open("old.pth").spec.document == Graph.open("model.pth").spec.document


def test_a_plugin_that_fails_to_import_is_told_once(plugin_folder):
    entries = ENTRIES.replace("composer_extra", "broken_extra")
    plugin_folder.install("broken-extra", entries, {"broken_extra": "1 / 0"})
    nodes = {
        name: {"uses": uses, "inputs": {"x": "x"}}
        for name, uses in (("a", "scale"), ("b", "shift"), ("c", "broken-extra/scale"))
    }
    with pytest.raises(SpecError) as caught:
        Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes})
    (problem,) = caught.value.problems
    assert "'scale' of broken-extra (broken-extra 1.0) fails to import" in problem.message
    assert "broken_extra.py:1" in problem.message


def test_a_mistaken_setting_says_nothing_of_what_a_checkpoint_was_saved_with(saved):
    with pytest.raises(SpecError) as caught:
        Graph.open("model.pth", set=["nothing=3"])
    assert "was saved with" not in str(caught.value)
