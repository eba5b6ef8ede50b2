"""The engines themselves, on a small detector. Those that are not installed are skipped."""

import os
import subprocess
import sys
import textwrap

import pytest
import torch

from composer import Graph
from composer.acceleration import find_engine
from composer.errors import InputError
from composer.structures import ImageList

pytestmark = pytest.mark.slow

SPEC = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch", "boxes": "any"},
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
        "fpn": {"uses": "fpn", "inputs": {"features": "bottom_up"}, "with": {"out_channels": 8}},
        "rpn_head": {"uses": "rpn_head", "inputs": {"features": "fpn"}},
        "pooled": {
            "uses": "roi_pooler",
            "inputs": {"features": "fpn", "boxes": "boxes"},
            "with": {"output_size": 7, "in_features": ["p2", "p3"]},
        },
        "mask_head": {
            "uses": "mask_head",
            "inputs": {"x": "pooled"},
            "with": {"num_classes": 3, "conv_dims": [8], "deconv_dim": 8},
        },
    },
}
ENGINES = ["onnxruntime", "openvino", "inductor"]
TOLERANCES = {"float32": 2e-3, "bfloat16": 0.1, "int8": 0.2}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path))
    monkeypatch.setenv("COMPOSER_EMULATE_BFLOAT16", "1")


@pytest.fixture(scope="module")
def graph():
    return Graph.from_spec(SPEC)


@pytest.fixture(params=ENGINES)
def engine(request):
    try:
        find_engine(request.param)
    except InputError as error:
        pytest.skip(str(error))
    return request.param


def images(count, height, width):
    return ImageList(torch.rand(count, 3, height, width), [(height, width)] * count)


def values(graph, count, height, width):
    until = ["fpn", "rpn_head.objectness", "rpn_head.deltas"]
    return graph.run(until=until, feeds={"preprocess.images": images(count, height, width)})


def assert_close(found, expected, tolerance):
    for name, wanted in expected.items():
        pairs = zip(wanted, found[name], strict=True)
        if isinstance(wanted, dict):
            pairs = [(wanted[key], found[name][key]) for key in wanted]
        for exact, given in pairs:
            assert given.shape == exact.shape
            assert (given - exact).abs().max() <= tolerance * exact.abs().max()


def compiled(graph):
    return [each.num_compiled for each in graph._execution.sets.sets]


SIZES = [(1, 64, 64), (1, 96, 160), (2, 64, 96), (3, 128, 64), (1, 160, 96)]


@pytest.mark.slow(seconds=30)
def test_no_size_of_images_compiles_again(graph, engine):
    fast = graph.accelerate(engine, ["bottom_up", "fpn", "rpn_head"])
    for size in SIZES:
        torch.manual_seed(0)
        found = values(fast, *size)
        torch.manual_seed(0)
        assert_close(found, values(graph, *size), TOLERANCES["float32"])
    assert compiled(fast) == [1]
    again = graph.accelerate(engine, ["bottom_up", "fpn", "rpn_head"])
    values(again, 1, 64, 96)
    assert compiled(again) == [0]


def test_no_number_of_regions_compiles_again(graph, engine):
    fast = graph.accelerate(engine, "mask_head")
    for count in (3, 0, 1, 7):
        pooled = torch.rand(count, 8, 7, 7)
        found = fast.run(until="mask_head", feeds={"pooled": pooled})
        expected = graph.run(until="mask_head", feeds={"pooled": pooled})
        assert found.shape == expected.shape
        if count:
            assert_close({"x": [found]}, {"x": [expected]}, TOLERANCES["float32"])
    assert compiled(fast) == [1]


@pytest.mark.parametrize("name", ["openvino", "inductor"])
def test_bfloat16_is_near(graph, name):
    try:
        find_engine(name)
    except InputError as error:
        pytest.skip(str(error))
    fast = graph.accelerate(name, "mask_head", "bfloat16")
    pooled = torch.rand(4, 8, 7, 7)
    found = fast.run(until="mask_head", feeds={"pooled": pooled})
    expected = graph.run(until="mask_head", feeds={"pooled": pooled})
    assert found.dtype == torch.float32
    assert_close({"x": [found]}, {"x": [expected]}, TOLERANCES["bfloat16"])


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_int8_is_near_on_images_like_those_of_the_calibration(graph, name, capfd):
    try:
        find_engine(name)
    except InputError as error:
        pytest.skip(str(error))
    batches = [[{"image": torch.randint(0, 255, (3, 96, 64), dtype=torch.uint8)}] for _ in range(3)]
    nodes = ["bottom_up", "fpn", "rpn_head"]
    fast = graph.accelerate(name, nodes, "int8", calibrate=[{"batch": each} for each in batches])
    given = {"batch": batches[0]}
    found, expected = fast.run(given, until="fpn"), graph.run(given, until="fpn")
    assert "by PyTorch" in str(fast.plan("fpn"))
    found = fast.run(given, until=["fpn", "rpn_head"])["fpn"]
    assert capfd.readouterr().out == ""
    assert_close({"fpn": found}, {"fpn": expected}, TOLERANCES["int8"])
    assert any(not torch.equal(found[level], expected[level]) for level in found)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_nothing_is_sent_anywhere(tmp_path, name):
    try:
        find_engine(name)
    except InputError as error:
        pytest.skip(str(error))
    program = """
        import socket, sys

        def refuse(*arguments, **named):
            print("CONNECTED", arguments, file=sys.stderr)
            raise OSError("there is no network")

        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse

        from pathlib import Path
        import torch
        from composer.acceleration import find_engine
        from composer.layers import EnginePart, EngineTensor

        class Part(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(3, 4, 3)

            def forward(self, x):
                return (self.conv(x),)

        ports = [EngineTensor(name, torch.float32, {0: "batch"}) for name in ("x", "y")]
        x = torch.rand(2, 3, 8, 8)
        part = EnginePart(Part(), (ports[0],), (ports[1],), (x,))
        engine = find_engine(sys.argv[1]).engine
        for precision in ("float32", "int8"):
            folder = Path(sys.argv[2]) / precision
            folder.mkdir()
            engine.compile(part, precision, [(x,)], folder)
            assert engine.load(folder, part, precision)(x)[0].shape == (2, 4, 6, 6)
        print("done")
        """
    home = tmp_path / "home"
    home.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), name, str(tmp_path)],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "CONNECTED" not in result.stderr
    assert not list(home.rglob("*intel*"))
