"""Settings that would make a tensor beyond all memory are told, before any is reserved."""

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.construction import check_source
from composer.errors import ExecutionError, InputError, SpecError
from composer.graph.modules import find_device
from composer.structures import RegionFeatures, TensorShape

SQUARE = {"preprocess.square_size": 4096}
RECORD = {"image": torch.rand(3, 64, 64) * 255}


@pytest.mark.parametrize(
    "setting",
    [
        "fpn_channels=1000000000",
        "fpn_channels=10000000",
        "preprocess.size_divisibility=1000000",
        "preprocess.square_size=1000000",
        "mask_pooler.output_size=1000000",
        "mask_pooler.output_size=[7,1000000]",
        "mask_pooler.output_size=1024",
        "rpn_head.num_anchors=1000000000",
        "num_classes=1000000000",
        "box_head.fc_dims=[1000000000]",
        "mask_head.conv_dims=[1000000000]",
        "bottom_up.stem_out_channels=1000000000",
    ],
)
def test_a_giant_setting_of_a_detector_is_told_where_it_is_set(setting):
    with pytest.raises(SpecError) as caught:
        check_source("mask_rcnn_r50_fpn", set=[setting])
    text = str(caught.value)
    assert f"--set {setting.partition('=')[0]}".split(".")[-1].split("[")[0] in text
    assert "alloc" not in text
    assert "overflow" not in text


def test_images_are_not_resized_beyond_all_measure():
    spec = {
        "composer": 1,
        "inputs": {"batch": {"type": "ImageBatch", "image": {"shortest_edge": 10**6}}},
        "nodes": {"preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}}},
    }
    with pytest.raises(SpecError, match="65536"):
        check_source(spec)


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("composer.memory.available_memory", lambda: 2**27)


def test_padding_beyond_the_memory_at_hand_is_told_before_it_is_reserved(little_memory):
    graph = Graph.open(
        "faster_rcnn_r50_fpn", set={"preprocess.square_size": 4096}, until="preprocess"
    )
    message = (
        r"node 'preprocess' .* failed: 1 image, padded to 4096 x 4096, would take 384 MiB of "
        r"memory, and 128 MiB are at hand. Its largest setting is square_size: 4096 "
        r"\(set preprocess.square_size\)."
    )
    with pytest.raises(ExecutionError, match=message):
        graph.run([RECORD], until="preprocess")


class NeedsNumbers(nn.Module):
    """Cannot be built on the meta device."""

    def __init__(self, *, size: int = 1) -> None:
        super().__init__()
        assert torch.ones(1).item() == 1
        self.register_buffer("table", torch.zeros(size, 1024))

    def forward(self, x: Tensor) -> Tensor:
        return x


class Enlarged(nn.Module):
    """Says that it gives large regions."""

    def __init__(self, *, side: int = 1) -> None:
        super().__init__()
        self.side = side

    @property
    def output_shape(self) -> TensorShape:
        return TensorShape(channels=16, height=self.side, width=self.side)

    def forward(self, x: Tensor) -> RegionFeatures:
        return x.new_zeros(1, 16, self.side, self.side)


def spec(uses, **config):
    node = {"uses": uses, "with": config, "inputs": {"x": "x"}}
    return {"composer": 1, "inputs": {"x": "any"}, "nodes": {"a": node}}


NODES = {"needs_numbers": NeedsNumbers, "enlarged": Enlarged}


def test_a_module_that_needs_real_numbers_reserves_no_more_than_is_at_hand(little_memory):
    check_source(spec("needs_numbers", size=3), nodes=NODES)
    with pytest.raises(SpecError) as caught:
        check_source(spec("needs_numbers", size=10**9), nodes=NODES)
    (problem,) = caught.value.problems
    assert problem.place.pointer == "nodes.a.with.size"
    assert problem.message == (
        "node 'a' cannot be built: a tensor of it would take 3.7 TiB of memory, and 128 MiB are at "
        "hand"
    )


def test_one_region_beyond_all_measure_is_told_at_the_setting():
    check_source(spec("enlarged", side=100), nodes=NODES)
    with pytest.raises(SpecError) as caught:
        check_source(spec("enlarged", side=10**6), nodes=NODES)
    (problem,) = caught.value.problems
    assert problem.place.pointer == "nodes.a.with.side"
    assert problem.message == ("node 'a' is too large: one region of its output would take 58 TiB")


@pytest.mark.parametrize("side", [10**6, 10**10])
def test_what_the_allocator_refuses_while_running_names_the_setting(side):
    def enlarge(x: Tensor, *, side: int = 1) -> Tensor:
        return x.new_zeros(side, side)

    graph = Graph.from_spec(spec("enlarge", side=side), nodes={"enlarge": enlarge})
    with pytest.raises(ExecutionError) as caught:
        graph.run(torch.zeros(1), until="a")
    text = str(caught.value)
    assert "alloc" not in text
    assert "failed: it needs a tensor " in text
    assert f"Its largest setting is side: {side} (<dict> nodes.a.with.side)." in text


@pytest.mark.parametrize("name", ["cpu\n", "cpu\nfoo", "a\x1b[31mb", "c" * 5000])
def test_the_name_of_a_device_is_told_on_one_line(name):
    document = spec("enlarged")
    document["nodes"]["a"]["device"] = name.replace("\x1b", "\x85")
    with pytest.raises(SpecError) as caught:
        check_source(document, nodes=NODES)
    (problem,) = caught.value.problems
    assert problem.message.isprintable()
    assert len(problem.message) < 200
    with pytest.raises(InputError) as told:
        find_device(name)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("model", "address", "value"),
    [
        ("mask_rcnn_r50_fpn", "rpn_head.num_anchors", 10**6),
        ("mask_rcnn_r50_fpn", "bottom_up.stem_out_channels", 10**6),
        ("mask_rcnn_r50_fpn", "bottom_up.res2_out_channels", 10**9),
        ("mask_rcnn_r50_fpn", "box_predictor.box_dim", 10**6),
        ("retinanet_r50_fpn", "head.num_anchors", 10**6),
        ("cascade_mask_rcnn_mvitv2_fpn", "bottom_up.patch_stride", 10**6),
        ("mask_rcnn_regnetx_4gf_fpn", "bottom_up.stem_width", 10**6),
        ("keypoint_rcnn_r50_fpn", "keypoint_head.conv_dims", [10**9]),
    ],
)
def test_absurd_numbers_are_told_at_their_setting_before_anything_is_built(model, address, value):
    with pytest.raises((SpecError, InputError)) as caught:
        Graph.from_spec(model, set=[(address, value)])
    assert address.rpartition(".")[2] in str(caught.value)
    assert str(value).strip("[]") in str(caught.value)


@pytest.mark.parametrize(
    ("model", "address", "value"),
    [
        ("cascade_mask_rcnn_swin", "bottom_up.depths", [2, 10**9, 6, 2]),
        ("cascade_mask_rcnn_vitdet", "backbone.net.depth", 10**9),
        ("cascade_mask_rcnn_mvitv2_fpn", "bottom_up.depth", 10**6),
        ("retinanet_r50_fpn", "head.num_convs", 10**6),
    ],
)
def test_networks_of_more_blocks_than_any_are_refused_by_their_form(model, address, value):
    with pytest.raises(SpecError) as caught:
        check_source(model, set=[(address, value)])
    assert all("less than or equal to 10000" in each.message for each in caught.value.problems)
