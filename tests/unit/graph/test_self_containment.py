"""The description in a checkpoint opens no file, whoever wrote it."""

import json

import pytest
import torch
from safetensors.torch import save_file

from composer import CheckpointError, Graph
from composer.cli.main import main
from composer.graph.description import find_namespaces
from sample_nodes import NODES

NODE = {"uses": "shift", "inputs": {"x": "x"}}
DOCUMENT = {"composer": 1, "inputs": {"x": "any"}, "nodes": {"a": NODE}, "outputs": {"y": "a"}}


def nested(node):
    inner = {"inputs": {"x": "x"}, "nodes": {"b": node}, "outputs": {"y": "b"}}
    return {**DOCUMENT, "nodes": {"a": inner}}


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.yaml"
    path.write_text("root:x:0:0:password\n")
    return str(path)


DESCRIPTIONS = {
    "extends": lambda file: {**DOCUMENT, "extends": file},
    "extends several": lambda file: {**DOCUMENT, "extends": [file]},
    "a nested spec": lambda file: {**DOCUMENT, "nodes": {"a": {"spec": file, "inputs": {}}}},
    "a spec nested deeper": lambda file: nested({"spec": file, "inputs": {"x": "x"}}),
    "weights": lambda file: {**DOCUMENT, "weights": file},
    "weights by node": lambda file: {**DOCUMENT, "weights": {"a": file}},
    "weights of a node": lambda file: nested({**NODE, "weights": file}),
    "an example": lambda file: {**DOCUMENT, "inputs": {"x": {"type": "any", "example": file}}},
    "a published spec": lambda _: {**DOCUMENT, "extends": "mask_rcnn_r50_fpn"},
}


def write(path, document, suffix):
    metadata = {"composer.format": "1", "composer.spec": json.dumps(document)}
    if suffix == ".pth":
        torch.save({"model": {"w": torch.ones(1)}, "composer": metadata}, path)
    else:
        save_file({"w": torch.ones(1)}, path, metadata)
    return path


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_a_description_that_names_a_file_is_refused(what, suffix, secret, tmp_path, capsys):
    path = write(tmp_path / f"model{suffix}", DESCRIPTIONS[what](secret), suffix)
    with pytest.raises(CheckpointError, match=r"model\.\w+: refused: its description names a file"):
        Graph.open(path, nodes=NODES)
    assert main(["check", str(path)]) != 0
    assert main(["describe", str(path)]) == 0
    printed = "".join(capsys.readouterr())
    assert "password" not in printed
    assert printed.count("refused: its description names a file") == 2


def test_a_description_that_is_a_name_opens_no_file(secret, tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "model.safetensors", secret, ".safetensors")
    opened = []
    monkeypatch.setattr("composer.language.sources.find_spec", opened.append)
    assert main(["describe", str(path)]) == 0
    assert opened == []
    assert "its description is damaged" in capsys.readouterr().out


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_weights_whose_description_names_a_file_are_loaded_without_it(
    what, secret, tmp_path, monkeypatch
):
    metadata = {"composer.format": "2", "composer.spec": json.dumps(DESCRIPTIONS[what](secret))}
    opened = []
    monkeypatch.setattr("composer.graph.description.load_spec", opened.append)
    assert find_namespaces(metadata) == {}
    assert opened == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"nodes":' * 500 + "1" + "}" * 500, "NaN", "[]"])
def test_a_damaged_description_is_a_message(text, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.ones(1)}, path, {"composer.format": "1", "composer.spec": text})
    with pytest.raises(Exception, match=r"damaged|nested|problem") as caught:
        Graph.open(path, nodes=NODES)
    assert main(["describe", str(path)]) == 0
    assert type(caught.value).__module__ == "composer.errors"


@pytest.mark.parametrize("nodes", ["{}", "3", "[[]]", '[{"a": 1}]', "[1]", "[null]"])
def test_a_damaged_list_of_nodes_is_a_message(nodes, tmp_path):
    path = tmp_path / "model.safetensors"
    metadata = {"composer.format": "2", "composer.spec": "{}", "composer.nodes": nodes}
    save_file({"w": torch.ones(1)}, path, metadata)
    with pytest.raises(CheckpointError, match="its description is damaged"):
        Graph.open(path)
