"""Exported files as nodes of other specs."""

import json

import pytest

from composer.construction import check_source
from composer.errors import SpecError
from composer.translation import find_translation
from composer_exporters.onnx_metadata import _field, append_metadata

PORTS = {
    "inputs": [
        {
            "port": "images",
            "type": "ImageList",
            "form": "images",
            "keys": [],
            "tensors": ["preprocess.images", None],
            "shape": None,
        }
    ],
    "outputs": [
        {
            "port": "output",
            "type": "Features",
            "form": "dict",
            "keys": ["p2"],
            "tensors": ["backbone.p2"],
            "shape": {"p2": {"channels": 4, "height": None, "width": None, "stride": 4}},
        }
    ],
}
SPEC = """\
composer: 1
name: mine
inputs: {batch: ImageBatch}
nodes:
  preprocess: {uses: preprocess, inputs: {batch: batch}}
  backbone:
    uses: exported
    inputs: {images: preprocess.images}
    with: {file: FILE}
  rpn_head: {uses: rpn_head, inputs: {features: backbone}}
outputs: {objectness: rpn_head}
"""


def write_file(path, ports=PORTS):
    path.write_bytes(bytes([8, 10]) + _field(7, b"a graph"))
    if ports is not None:
        append_metadata(path, {"composer.export": json.dumps({"version": 1, "ports": ports})})


@pytest.fixture
def spec(tmp_path):
    write_file(tmp_path / "backbone.onnx")

    def write(file="backbone.onnx"):
        path = tmp_path / "mine.yaml"
        path.write_text(SPEC.replace("FILE", file))
        return path

    return write


def test_ports_types_and_shapes_are_those_of_the_file(spec):
    node = check_source(spec()).nodes["backbone"]
    assert list(node.contract.inputs) == ["images"]
    assert check_source(spec()).nodes["rpn_head"].shapes["features_shape"]["p2"].channels == 4


def test_a_wire_that_does_not_fit_the_file_is_a_problem(spec):
    path = spec()
    path.write_text(
        path.read_text().replace("images: preprocess.images}\n    with", "images: batch}\n    with")
    )
    with pytest.raises(SpecError, match="images"):
        check_source(path)


def test_a_checkpoint_records_the_hash_and_no_file(spec):
    document = check_source(spec()).spec.document
    config = document["nodes"]["backbone"]["with"]
    assert list(config) == ["sha256"]
    assert len(config["sha256"]) == 64


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("../other.onnx", "is not beside the document"),
        ("/etc/passwd.onnx", "is not beside the document"),
        ("none.onnx", "there is no file"),
        ("mine.yaml", "a node runs files of .onnx or .xml"),
        ("foreign.onnx", "does not say which ports it has"),
        ("broken.onnx", "it is damaged: it has a field 0"),
        ("wrong.onnx", "is made of more than tensors"),
    ],
)
def test_files_that_cannot_be_nodes_are_problems_at_their_place(spec, tmp_path, file, message):
    write_file(tmp_path / "foreign.onnx", None)
    (tmp_path / "broken.onnx").write_bytes(b"\x00" * 40)
    batch = {**PORTS["inputs"][0], "form": "other"}
    write_file(tmp_path / "wrong.onnx", {**PORTS, "inputs": [batch]})
    with pytest.raises(SpecError, match=message) as caught:
        check_source(spec(file))
    assert "mine.yaml:9:" in str(caught.value)


def test_another_file_than_the_recorded_one_is_refused(spec):
    path = spec("backbone.onnx, sha256: " + "0" * 64)
    with pytest.raises(SpecError, match="is another file than the one that was meant"):
        check_source(path)


def test_a_file_is_not_exported_again(spec):
    node = check_source(spec()).nodes["backbone"]
    translate = find_translation(node.contract.target)
    with pytest.raises(ValueError, match=r"it runs a file already\. Feed it"):
        translate(None, None, images=None)
