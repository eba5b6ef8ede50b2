"""Sets of nodes as modules of tensors."""

import pytest
import torch
from torch import Tensor

from composer import Graph
from composer.acceleration import LayoutError, TensorPart, find_entering, find_leaving
from composer.blueprint import Slot
from composer.structures import Boxes, ImageList, RegionFeatures

SPEC = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "bottom_up": {
            "uses": "resnet",
            "inputs": {"images": "preprocess.images"},
            "with": {"depth": 18, "out_features": ["res2", "res3"], "res2_out_channels": 64},
        },
        "fpn": {"uses": "fpn", "inputs": {"features": "bottom_up"}, "with": {"out_channels": 8}},
        "rpn_head": {"uses": "rpn_head", "inputs": {"features": "fpn"}},
    },
}
IMAGES = Slot("preprocess", "images")
SET = ("rpn_head", "bottom_up", "fpn")


@pytest.fixture(scope="module")
def graph():
    return Graph.from_spec(SPEC)


def images(*sizes, side=64):
    count = len(sizes)
    return ImageList(torch.rand(count, 3, side, side), list(sizes))


def part_of(graph, paths=SET, value=None, **options):
    value = images((60, 50)) if value is None else value
    session = graph.session(feeds={"preprocess.images": value})
    dependencies = graph.blueprint.dependencies("inference")
    examples = {slot: session[str(slot)] for slot in find_entering(dependencies, paths)}
    return TensorPart(dependencies, paths, graph.callables, examples, **options)


def test_tensors_carry_the_names_of_slots_and_where_they_are_in_them(graph):
    part = part_of(graph)
    assert part.inputs.names == ("preprocess.images",)
    assert part.outputs.names == (
        *("rpn_head.objectness.0", "rpn_head.objectness.1", "rpn_head.objectness.2"),
        *("rpn_head.deltas.0", "rpn_head.deltas.1", "rpn_head.deltas.2"),
    )
    assert [node.path for node in part.nodes] == ["bottom_up", "fpn", "rpn_head"]


def test_it_gives_what_the_graph_gives(graph):
    part = part_of(graph)
    other = images((96, 40), (70, 96), side=96)
    targets = ["rpn_head.objectness", "rpn_head.deltas"]
    expected = graph.run(until=targets, feeds={"preprocess.images": other})
    with torch.no_grad():
        tensors = part(*part.inputs.flatten({IMAGES: other}))
    values = part.outputs.unflatten(tensors)
    for slot, value in values.items():
        for given, wanted in zip(value, expected[str(slot)], strict=True):
            assert torch.equal(given, wanted)


def test_named_slots_can_leave_too(graph):
    leaving = [Slot("fpn", "output"), Slot("rpn_head", "objectness")]
    part = part_of(graph, leaving=leaving)
    assert part.outputs.names[:2] == ("fpn.p2", "fpn.p3")
    assert len(part.outputs.names) == 6


def test_what_enters_and_leaves_is_found_from_the_wires(graph):
    dependencies = graph.blueprint.dependencies("inference")
    assert find_entering(dependencies, ["fpn", "rpn_head"]) == (Slot("bottom_up", "output"),)
    assert find_leaving(dependencies, ["bottom_up"]) == (Slot("bottom_up", "output"),)
    outputs = [Slot("fpn", "output")]
    assert find_leaving(dependencies, SET, outputs)[0] == outputs[0]


def test_dynamic_dimensions_follow_from_the_port_types(graph):
    part = part_of(graph)
    assert [tuple(d) for d in part.inputs.ports[0].dynamic] == [
        (0, "batch"),
        (2, "height"),
        (3, "width"),
    ]
    assert part.outputs.ports[0].dynamic == part.inputs.ports[0].dynamic


def reader(images: ImageList) -> Tensor:
    return images.tensor.mean((1, 2, 3)) * torch.as_tensor(images.sizes)[:, 0]


def halved(x: RegionFeatures) -> RegionFeatures:
    return x / 2


def grown(boxes: list[Boxes]) -> list[Boxes]:
    return [Boxes(each.tensor + 1) for each in boxes]


def function_graph(function, kind):
    name = next(iter(function.__annotations__))
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"f": {"uses": "f", "inputs": {name: "x"}}},
    }
    return Graph.from_spec(document, nodes={"f": function})


def part_of_function(function, value):
    graph = function_graph(function, None)
    dependencies = graph.blueprint.dependencies("inference")
    return TensorPart(dependencies, ["f"], graph.callables, {Slot("x", ""): value})


def test_sizes_of_images_enter_where_a_node_reads_them():
    part = part_of_function(reader, images((60, 50), (64, 64)))
    assert part.inputs.names == ("x", "x.image_sizes")
    tensors = part.inputs.flatten({Slot("x", ""): images((10, 20))})
    assert tensors[1].tolist() == [[10, 20]]


def test_regions_are_a_number_that_differs():
    part = part_of_function(halved, torch.rand(5, 3, 7, 7))
    assert [tuple(d) for d in part.inputs.ports[0].dynamic] == [(0, "regions")]
    assert [t.shape[0] for t in part.widen([torch.rand(1, 3, 7, 7)])] == [2]
    assert [t.shape[0] for t in part.widen([torch.rand(0, 3, 7, 7)])] == [2]
    assert [t.shape[0] for t in part.widen([torch.rand(4, 3, 7, 7)])] == [4]


def test_structures_are_taken_apart_and_put_together():
    boxes = [Boxes(torch.rand(3, 4)), Boxes(torch.rand(2, 4))]
    part = part_of_function(grown, boxes)
    assert part.inputs.names == ("x.0", "x.1")
    values = part.outputs.unflatten(part(*part.inputs.flatten({Slot("x", ""): boxes})))
    assert torch.equal(values[Slot("f", "output")][1].tensor, boxes[1].tensor + 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([Boxes(torch.rand(3, 4))], "other parts"),
        ([Boxes(torch.rand(3, 4)), torch.rand(2, 4)], "other parts"),
    ],
)
def test_a_value_of_other_parts_is_refused(value, reason):
    part = part_of_function(grown, [Boxes(torch.rand(3, 4)), Boxes(torch.rand(2, 4))])
    with pytest.raises(LayoutError, match=reason):
        part.inputs.flatten({Slot("x", ""): value})


def test_floating_point_tensors_come_in_the_recorded_dtype_and_others_are_refused():
    part = part_of_function(halved, torch.rand(5, 3))
    (tensor,) = part.inputs.flatten({Slot("x", ""): torch.rand(5, 3).bfloat16()})
    assert tensor.dtype == torch.float32
    with pytest.raises(LayoutError, match="dtype"):
        part.inputs.flatten({Slot("x", ""): torch.ones(5, 3, dtype=torch.int64)})
    with pytest.raises(LayoutError, match="2 dimensions"):
        part.inputs.flatten({Slot("x", ""): torch.rand(5)})


def draw(images: ImageList, generator: torch.Generator) -> Tensor:
    return images.tensor + torch.rand((), generator=generator)


def test_a_node_that_draws_gets_the_generator_of_a_run_with_seed_0():
    nodes = {"noise": {"uses": "draw", "inputs": {"images": "images"}}}
    spec = {"composer": 1, "inputs": {"images": "ImageList"}, "nodes": nodes}
    graph = Graph.from_spec(spec, nodes={"draw": draw})
    given = images((64, 64))
    part = TensorPart(
        graph.blueprint.dependencies("inference"),
        ["noise"],
        graph.callables,
        {Slot("images", ""): given},
    )
    (found,) = part(*part.inputs.flatten({Slot("images", ""): given}))
    assert torch.equal(found, graph.run(given, until="noise", seed=0))


def test_modules_are_shared_and_appear_in_the_part(graph):
    part = part_of(graph)
    names = {name.partition(".")[0] for name, _ in part.named_parameters()}
    assert names == {"bottom_up", "fpn", "rpn_head"}
    assert next(part.parameters()) is next(graph.parameters())


@pytest.mark.slow
def test_it_can_be_exported_with_dynamic_sizes(graph):
    part = part_of(graph)
    example = part.widen(part.inputs.flatten({IMAGES: images((64, 64))}))
    dims = [{d.axis: torch.export.Dim.AUTO for d in p.dynamic} for p in part.inputs.ports]
    program = torch.export.export(part, example, dynamic_shapes=(tuple(dims),), strict=False)
    other = torch.rand(3, 3, 128, 96)
    with torch.no_grad():
        found, expected = program.module()(other), part(other)
    torch.testing.assert_close(found, expected)
