"""Exports of graphs with a format that needs nothing installed."""

import json

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import ExportError, InputError
from composer.exporting import (
    ExportOptions,
    ProgramExporter,
    exporting,
    find_exporter,
    make_cut,
    parse_file_description,
)
from composer.structures import Features, ImageList

SIZE = (3, 40, 56)


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: ImageList) -> Features:
        return {"p2": self.conv(images.tensor)}


def head(features: Features) -> Tensor:
    return features["p2"].relu()


SPEC = {
    "composer": 1,
    "name": "small",
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "backbone": {"uses": "backbone", "inputs": {"images": "preprocess.images"}},
        "head": {"uses": "head", "inputs": {"features": "backbone"}},
    },
    "outputs": {"maps": "head"},
}


class FakeExporter(ProgramExporter):
    """Its files give what the graph gave, with an error."""

    def __init__(self, error=0.0):
        self.error = error

    def write(self, cut, file, opset):
        self.cut = cut
        file.write_text("{}")
        file.with_suffix(".bin").write_text("weights")

    def add_metadata(self, file, metadata):
        file.write_text(json.dumps(dict(metadata)))

    def read_metadata(self, file):
        return json.loads(file.read_text())

    def open(self, file):
        return self.run

    def run(self, inputs):
        for example in self.cut.examples:
            given = self.cut.read_inputs(example)
            if all(torch.equal(given[name], value) for name, value in inputs.items()):
                outputs = self.cut.read_outputs(example)
                return {name: value + self.error for name, value in outputs.items()}
        raise AssertionError


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes={"backbone": Backbone, "head": head})


@pytest.fixture
def images():
    torch.manual_seed(0)
    return [{"image": torch.randint(0, 255, SIZE, dtype=torch.uint8), "height": 9, "width": 9}]


def use(monkeypatch, exporter):
    monkeypatch.setattr(exporting, "find_exporter", lambda path: exporter)
    return exporter


def test_inputs_and_outputs_have_the_names_of_nodes(graph, images):
    cut = make_cut(graph, ExportOptions(until=("backbone",), inputs=images))
    (entering,), (leaving,) = cut.entering, cut.leaving
    assert [tensor.name for tensor in entering.tensors] == ["batch"]
    assert entering.tensors[0].shape == (1, 3, "batch.height", "batch.width")
    assert entering.tensors[0].dtype == torch.uint8
    assert [tensor.name for tensor in leaving.tensors] == ["backbone.p2"]
    assert cut.is_of_one_image


def test_what_is_fed_is_an_input_and_the_batch_is_free(graph, images):
    options = ExportOptions(until=("backbone",), feeds=("preprocess.images",), inputs=images)
    cut = make_cut(graph, options)
    assert not cut.is_of_one_image
    assert cut.entering[0].tensors[0].name == "preprocess.images"
    assert cut.entering[0].tensors[0].shape[0] == "batch"
    assert [step.node.path for step in cut.steps] == ["backbone"]


def test_a_file_is_checked_on_several_sizes_and_batches(graph, images, tmp_path, monkeypatch):
    use(monkeypatch, FakeExporter())
    report = graph.export(
        tmp_path / "m.fake", until="backbone", feeds=["preprocess.images"], inputs=images
    )
    assert report.num_examples == 3
    assert [(one.name, one.error) for one in report.checked] == [("backbone.p2", 0.0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.bin", "m.fake"]
    assert [path.name for path in report.files] == ["m.fake", "m.bin"]


def test_a_file_that_differs_is_not_kept_and_an_old_one_stays(graph, images, tmp_path, monkeypatch):
    use(monkeypatch, FakeExporter(error=5.0))
    (tmp_path / "m.fake").write_text("old")
    with pytest.raises(ExportError, match=r"differs from the graph by more than 0.001.*\n.*head"):
        graph.export(tmp_path / "m.fake", inputs=images)
    assert [path.name for path in tmp_path.iterdir()] == ["m.fake"]
    assert (tmp_path / "m.fake").read_text() == "old"
    report = graph.export(tmp_path / "m.fake", inputs=images, tolerance=10)
    assert report.checked[0].error > 1e-3


def test_a_file_that_cannot_be_run_is_not_kept(graph, images, tmp_path, monkeypatch):
    exporter = use(monkeypatch, FakeExporter())
    monkeypatch.setattr(exporter, "run", lambda inputs: inputs["of another model"])
    with pytest.raises(ExportError, match="cannot be run: KeyError: 'of another model'"):
        graph.export(tmp_path / "m.fake", inputs=images)
    assert not list(tmp_path.iterdir())


def test_a_node_that_fails_without_the_graph_is_named(graph, images):
    options = ExportOptions(until=("head",), feeds=("preprocess.images",), inputs=images)
    cut = make_cut(graph, options)
    del graph.callables["backbone"].conv
    with pytest.raises(ExportError, match=r"no program of tensors can be made of backbone: .*conv"):
        cut.to_part()


def test_a_file_says_what_it_is(graph, images, tmp_path, monkeypatch):
    exporter = use(monkeypatch, FakeExporter())
    graph.export(tmp_path / "m.fake", until="head", inputs=images)
    found = parse_file_description(exporter.read_metadata(tmp_path / "m.fake"), "m.fake")
    assert found.until == ("head",)
    assert str(found.inputs[0]) == "1x3xheightxwidth uint8"
    assert found.checked == {"head": 0.0}
    assert found.examples == ("1x3x40x56", "1x3x28x47")
    assert found.text["composer.name"] == "small"


def test_the_mode_of_the_graph_stays(graph, images, tmp_path, monkeypatch):
    use(monkeypatch, FakeExporter())
    graph.train()
    graph.export(tmp_path / "m.fake", inputs=images)
    assert graph.training


def test_endings_that_no_format_has_are_refused_with_those_that_there_are(graph, tmp_path):
    with pytest.raises(InputError, match=r"exported to \.onnx.*Did you mean \.onnx"):
        graph.export(tmp_path / "m.onx")
    with pytest.raises(InputError, match=r"exported to"):
        graph.export(tmp_path / "m")


def test_a_missing_package_names_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("composer.exporting.exporter.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"needs onnx, .*pip install 'detection-composer\[onnxruntime\]'"
    ):
        find_exporter(tmp_path / "m.onnx")


def test_weights_take_no_options_of_programs_and_programs_none_of_weights(
    graph, tmp_path, monkeypatch
):
    with pytest.raises(InputError, match=r"--until, --opset do not apply to \.safetensors"):
        graph.export(tmp_path / "m.safetensors", until="head", opset=18)
    use(monkeypatch, FakeExporter())
    with pytest.raises(InputError, match="--half does not apply"):
        exporting.export_graph(graph, tmp_path / "m.fake", ExportOptions(half=True))
    with pytest.raises(InputError, match="a tolerance is a number from 0 on"):
        graph.export(tmp_path / "m.fake", tolerance=float("nan"))


def test_weights_are_written_by_their_ending(graph, tmp_path):
    report = graph.export(tmp_path / "m.safetensors")
    assert report.checked == ()
    assert (tmp_path / "m.safetensors").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"until": "backbone:conv"}, "a file ends at nodes, not at taps"),
        ({"until": "head", "feeds": ["head"]}, "no node to export"),
        ({"inputs": []}, "one at least"),
    ],
)
def test_cuts_that_are_none_are_refused(graph, images, tmp_path, monkeypatch, options, message):
    use(monkeypatch, FakeExporter())
    with pytest.raises(InputError, match=message):
        graph.export(tmp_path / "m.fake", **{"inputs": images, **options})
    assert not list(tmp_path.iterdir())


def test_without_inputs_the_photograph_that_ships_is_taken(graph, tmp_path, monkeypatch):
    exporter = use(monkeypatch, FakeExporter())
    graph.export(tmp_path / "m.fake", until="preprocess.images")
    assert len(exporter.cut.examples) == 2
