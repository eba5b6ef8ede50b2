"""ONNX files of somebody else need nothing that is not in them or beside them."""

import json

import pytest
import torch

onnx = pytest.importorskip("onnx", reason="the extra 'onnxruntime' is not installed")
from onnx import TensorProto, helper  # noqa: E402

from composer_exporters.exported_node import Exported  # noqa: E402
from composer_exporters.onnx_metadata import append_metadata  # noqa: E402
from composer_exporters.onnx_safety import require_plain  # noqa: E402


def value(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])


def data(location, name="w"):
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [2], [1.0, 2.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def write(path, nodes, initializers=(), functions=()):
    graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], list(initializers))
    model = helper.make_model(graph, functions=list(functions))
    path.write_bytes(model.SerializeToString())
    return path


ADD = helper.make_node("Add", ["x", "w"], ["y"])


def branch(*nodes, initializers=()):
    """A node with a graph inside."""
    inner = helper.make_graph(list(nodes), "inner", [], [value("y")], list(initializers))
    return helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "w.data").write_bytes(b"0" * 8)
    (tmp_path / "secret").write_bytes(b"0" * 8)
    return tmp_path / "models" / "m.onnx"


def test_a_file_with_data_beside_it_is_plain(file):
    require_plain(write(file, [ADD], [data("w.data")]))


def test_a_function_of_the_file_is_no_custom_operator(file):
    opset = [helper.make_opsetid("", 18)]
    own = helper.make_function(
        "mine", "Own", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], opset
    )
    require_plain(write(file, [helper.make_node("Own", ["x"], ["y"], domain="mine")], (), [own]))


@pytest.mark.parametrize("location", ["../secret", "none.data", "sub/../w.data", ".", ""])
def test_data_elsewhere_is_refused(file, location):
    with pytest.raises(ValueError, match="which is not a file beside it"):
        require_plain(write(file, [ADD], [data(location)]))


def test_data_by_an_absolute_path_or_a_link_is_refused(file, tmp_path):
    (file.parent / "link.data").symlink_to(tmp_path / "secret")
    for location in (str(tmp_path / "secret"), "link.data"):
        with pytest.raises(ValueError, match="which is not a file beside it"):
            require_plain(write(file, [ADD], [data(location)]))


def test_data_elsewhere_is_found_in_constants_and_inner_graphs(file):
    constant = helper.make_node("Constant", [], ["w"], value=data("../secret"))
    inner = branch(helper.make_node("Identity", ["w"], ["y"]), initializers=[data("../secret")])
    for nodes in ([constant, ADD], [inner], [branch(constant)]):
        with pytest.raises(ValueError, match="which is not a file beside it"):
            require_plain(write(file, nodes))


def test_custom_operators_are_refused_in_inner_graphs_and_functions_too(file):
    custom = helper.make_node("Run", ["x"], ["y"], domain="com.somebody")
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("com.somebody", 1)]
    own = helper.make_function("mine", "Own", ["x"], ["y"], [custom], opset)
    for nodes, functions in (([custom], ()), ([branch(custom)], ()), ([], [own])):
        with pytest.raises(ValueError, match=r"needs the custom operator com\.somebody\.Run"):
            require_plain(write(file, nodes, (), functions))


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08"])
def test_what_is_no_model_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.onnx"):
        require_plain(file)


def test_data_elsewhere_is_found_in_sparse_tensors(file):
    sparse = helper.make_sparse_tensor(
        data("../secret"), helper.make_tensor("places", TensorProto.INT64, [2], [0, 1]), [2]
    )
    constant = helper.make_node("Constant", [], ["w"], sparse_value=sparse)
    graph = helper.make_graph([ADD], "g", [value("x")], [value("y")], sparse_initializer=[sparse])
    file.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ValueError, match="which is not a file beside it"):
        require_plain(file)
    with pytest.raises(ValueError, match="which is not a file beside it"):
        require_plain(write(file, [constant, ADD]))


def test_a_node_reads_no_data_that_its_hash_does_not_cover(file):
    ports = [
        {"port": name, "type": "Tensor", "form": "tensor", "keys": [], "tensors": [name]}
        for name in ("x", "y")
    ]
    described = {"version": 1, "ports": {"inputs": ports[:1], "outputs": ports[1:]}}
    write(file, [ADD], [data("w.data")])
    append_metadata(file, {"composer.export": json.dumps(described)})
    node_type = Exported.specialise({"file": file.name}, file.parent, True)
    with pytest.raises(ValueError, match=r"has data in 'w.data': only 'm.onnx.data' is read"):
        node_type(file=file.name)(x=torch.zeros(2))
