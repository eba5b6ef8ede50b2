"""Exported files whose description of their ports somebody else has written."""

import json
import os

import pytest

from composer.construction import check_source
from composer.errors import SpecError
from composer_exporters.onnx_metadata import append_metadata

IMAGES = {"port": "x", "type": "ImageList", "form": "images", "keys": [], "tensors": ["a", None]}
SPEC = """\
composer: 1
inputs: {x: ImageList}
nodes:
  backbone: {uses: exported, inputs: {x: x}, with: {file: FILE}}
outputs: {y: backbone}
"""


def ports(inputs=None, outputs=None, **changes):
    port = {key: value for key, value in {**IMAGES, **changes}.items() if value != "left out"}
    return {"inputs": [port] if inputs is None else inputs, "outputs": outputs or [port]}


def check(folder, content):
    """Checks a spec with a file that describes its ports in a JSON text."""
    file = folder / "file.onnx"
    file.write_bytes(bytes([8, 8, 0x3A, 0]))  # a version and an empty graph
    append_metadata(file, {"composer.export": content})
    return check_file(folder, file.name)


def check_file(folder, name):
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.replace("FILE", json.dumps(name)))
    return check_source(spec)


def test_a_description_as_we_write_it_is_read(tmp_path):
    levels = {"p2": {"channels": 4, "height": None, "width": None, "stride": 4}}
    for shape in (None, {"channels": 3}, levels):
        assert check(tmp_path, json.dumps({"ports": ports(shape=shape)})).nodes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outputs": []}, "has no output"),
        ({"type": "left out"}, "inputs.0.type: Field required"),
        ({"tensors": "left out"}, "inputs.0.tensors: Field required"),
        ({"keys": "left out"}, "inputs.0.keys: Field required"),
        ({"type": ["a"]}, "inputs.0.type: Input should be a valid string"),
        ({"form": ["a"]}, "inputs.0.form: Input should be a valid string"),
        ({"tensors": 3}, "inputs.0.tensors: Input should be a valid list"),
        ({"shape": {"channels": 1, "foo": 2}}, "inputs.0.shape"),
        ({"shape": {"p2": 3}}, "inputs.0.shape"),
        ({"shape": {"channels": "x"}}, "inputs.0.shape"),
        ({"port": "class"}, "a port 'class', which no port can be called"),
        ({"port": "self"}, "a port 'self', which no port can be called"),
        ({"port": "_x"}, "a port '_x', which no port can be called"),
        ({"port": "\x1b[31m"}, "which no port can be called"),
        ({"inputs": [IMAGES, IMAGES]}, "has two ports 'x'"),
        ({"inputs": "abc"}, "inputs: Input should be a valid list"),
        ({"form": "dict"}, "is made of 2 tensors, and should be of 0"),
        ({"tensors": ["a"]}, "is made of 1 tensors, and should be of 2"),
    ],
)
def test_ports_that_no_node_can_have_are_problems_at_their_place(changes, reason, tmp_path):
    described = ports(**{key: value for key, value in changes.items() if key != "outputs"})
    with pytest.raises(SpecError) as caught:
        check(tmp_path, json.dumps({"ports": {**described, **changes}}))
    [problem] = caught.value.problems
    assert "'file.onnx'" in problem.message
    assert reason in problem.message
    assert problem.place.line == 4


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "1" * 5000, "{", "[1]", "null", "{}", '{"ports": null}']
)
def test_a_damaged_description_is_a_problem(content, tmp_path):
    with pytest.raises(SpecError, match=r"'file\.onnx': its description is damaged"):
        check(tmp_path, content)


def test_a_type_is_never_another_name_of_the_module(tmp_path):
    """`composer.structures.annotations` is a name of Python, and no type of a port."""
    with pytest.raises(SpecError, match="input 'x'"):
        check(
            tmp_path, json.dumps({"ports": ports(type="annotations", form="tensor", tensors=["a"])})
        )


def test_what_is_no_file_is_no_node(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("pipe.onnx", "loop.onnx", "folder.onnx", "a" * 300 + ".onnx"):
        with pytest.raises(SpecError, match=r"no file|name too long"):
            check_file(tmp_path, name)
