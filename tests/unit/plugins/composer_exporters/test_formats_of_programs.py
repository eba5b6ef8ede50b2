"""Programs as `.pt2` and `.xml`: of parts, described without a run, and sent to nobody."""

import os
import subprocess
import sys
import textwrap
import zipfile

import pytest
import torch
from torch import Tensor

from composer import Graph
from composer.errors import ExportError, InputError
from composer.exporting import find_exporter, parse_file_description
from composer.structures import ImageList
from limited_files import limited

pytestmark = pytest.mark.slow

IMAGE = {"image": torch.randint(0, 255, (3, 40, 56), dtype=torch.uint8)}
SPEC = {
    "composer": 1,
    "name": "small",
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "bottom_up": {
            "uses": "resnet",
            "inputs": {"images": "preprocess.images"},
            "with": {
                "depth": 18,
                "out_features": ["res2", "res3"],
                "stem_out_channels": 8,
                "res2_out_channels": 8,
            },
        },
    },
    "outputs": {"maps": "bottom_up"},
}
PART = {"until": "bottom_up", "feeds": ["preprocess.images"], "inputs": [IMAGE]}


@pytest.fixture(scope="module")
def graph():
    return Graph.from_spec(SPEC)


def test_pt2_holds_a_part_and_its_description(graph, tmp_path):
    file = tmp_path / "part.pt2"
    report = graph.export(file, **PART)
    assert [each.name for each in report.checked] == ["bottom_up.res2", "bottom_up.res3"]
    assert max(each.error for each in report.checked) < 1e-4
    assert zipfile.is_zipfile(file)
    found = parse_file_description(find_exporter(file).read_metadata(file), file)
    assert [each.name for each in found.inputs] == ["preprocess.images"]
    assert os.listdir(tmp_path) == ["part.pt2"]


@pytest.mark.parametrize("ending", [".pt2", ".xml"])
def test_a_full_disk_ends_no_process_and_leaves_nothing(graph, ending, tmp_path):
    if ending == ".xml":
        pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    with limited(20_000), pytest.raises((OSError, ExportError), match=f"part{ending}"):
        graph.export(tmp_path / f"part{ending}", **PART)
    assert not os.listdir(tmp_path)


def test_a_graph_that_is_trained_stays_so(tmp_path):
    graph = Graph.from_spec(SPEC).train()
    graph.export(tmp_path / "part.pt2", **PART)
    expected = Graph.from_spec(SPEC).train()
    modes = [module.training for module in graph.modules()]
    assert modes == [module.training for module in expected.modules()]
    assert any(modes)


def test_pt2_takes_no_lists_of_an_item_an_image_and_no_opset(tmp_path, graph):
    whole = Graph.from_spec("faster_rcnn_r50_fpn", until="proposals")
    with pytest.raises(ExportError, match=r"which a program of tensors cannot have"):
        whole.export(tmp_path / "m.pt2", until="proposals", inputs=[IMAGE])
    with pytest.raises(InputError, match=r"--opset does not apply to \.pt2"):
        graph.export(tmp_path / "m.pt2", **PART, opset=18)
    assert not os.listdir(tmp_path)


def decide(images: ImageList) -> Tensor:
    return images.tensor + 1 if images.tensor.mean().item() > 0 else images.tensor


def count(images: ImageList) -> Tensor:
    return images.tensor + torch.ones(len(images.tensor), 1, 1, 1)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (decide, r"node 'bottom_up' cannot .* decides by a value \(.*test_formats_of_programs"),
        (count, r"does not run on all examples: .*'preprocess.images'.size\(\)\[0\] == 2"),
    ],
)
def test_what_no_program_can_do_is_said_in_a_line(node, message, tmp_path, capfd):
    nodes = {**SPEC["nodes"], "bottom_up": {"uses": "mine", "inputs": {"images": "preprocess"}}}
    graph = Graph.from_spec({**SPEC, "nodes": nodes}, nodes={"mine": node})
    with pytest.raises(ExportError, match=message) as caught:
        graph.export(tmp_path / "m.pt2", **PART)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not os.listdir(tmp_path)


def test_openvino_reports_nothing_and_its_file_runs_as_a_node(tmp_path):
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    pytest.importorskip("onnxscript", reason="the extra 'onnxruntime' is not installed")
    program = f"""
        import socket, sys

        def refuse(*arguments, **named):
            print("CONNECTED", arguments, file=sys.stderr)
            raise OSError("there is no network")

        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse

        import torch
        from pathlib import Path
        from composer import Graph
        from composer.exporting import find_exporter, parse_file_description

        torch.manual_seed(0)
        file = Path(sys.argv[1]) / "part.xml"
        image = {{"image": torch.randint(0, 255, (3, 40, 56), dtype=torch.uint8)}}
        spec = {SPEC!r}
        graph = Graph.from_spec(spec)
        report = graph.export(file, until="bottom_up", feeds=["preprocess.images"], inputs=[image])
        assert max(each.error for each in report.checked) < 1e-4
        described = parse_file_description(find_exporter(file).read_metadata(file), file)
        assert [each.name for each in described.inputs] == ["preprocess.images"]
        (file.parent / "mine.yaml").write_text('''
        composer: 1
        name: mine
        inputs: {{batch: ImageBatch}}
        nodes:
          preprocess: {{uses: preprocess, inputs: {{batch: batch}}}}
          bottom_up:
            {{uses: exported, inputs: {{images: preprocess.images}}, with: {{file: part.xml}}}}
        outputs: {{maps: bottom_up}}
        ''')
        mine = Graph.from_spec(file.parent / "mine.yaml")
        other = {{"image": torch.randint(0, 255, (3, 64, 96), dtype=torch.uint8)}}
        expected = graph.run([other, image], until="bottom_up")
        found = mine.run([other, image], until="bottom_up")
        for level, wanted in expected.items():
            error = (found[level] - wanted).abs().max() / wanted.abs().max()
            assert error < 1e-4, (level, float(error))
        print("done")
        """
    home = tmp_path / "home"
    home.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "done" in result.stdout
    assert "CONNECTED" not in result.stderr
    assert not list(home.rglob("*intel*"))
    assert {each.name for each in tmp_path.iterdir()} == {
        "home",
        "part.xml",
        "part.bin",
        "mine.yaml",
    }
