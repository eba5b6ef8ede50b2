"""Structures as trees: taken apart and put together by torch, exported, saved."""

import io

import jaxtyping
import pytest
import torch
from torch.utils import _pytree as pytree

from composer import Graph
from composer.structures import (
    BitMasks,
    Boxes,
    ImageBatch,
    ImageList,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
)
from sample_nodes import NODES

BOXES = Boxes([[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 30.0, 5.0]])
STRUCTURES = [
    BOXES,
    RotatedBoxes(torch.rand(2, 5)),
    BitMasks(torch.ones(2, 3, 3, dtype=torch.bool)),
    ROIMasks(torch.rand(2, 4, 4)),
    Keypoints(torch.rand(2, 3, 3)),
    PolygonMasks([[[0.0, 0.0, 1.0, 0.0, 1.0, 1.0]], []]),
    ImageList(torch.rand(2, 3, 8, 9), [(8, 5), (7, 9)]),
    Instances((4, 6), boxes=BOXES, scores=torch.rand(2), names=["a", "b"]),
    ImageBatch([{"image": torch.rand(3, 2, 2), "instances": Instances((2, 2), boxes=BOXES)}]),
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)
def test_a_structure_is_taken_apart_and_put_together(structure):
    leaves, spec = pytree.tree_flatten(structure)
    again = pytree.tree_unflatten(leaves, spec)
    assert type(again) is type(structure)
    assert repr(again) == repr(structure)
    assert len(again) == len(structure)
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    held = {id(tensor) for tensor in structure.tensors()}
    assert held <= {id(leaf) for leaf in leaves}


def test_the_keys_are_the_attributes():
    images = ImageList(torch.rand(1, 3, 8, 9), [(8, 5)])
    found = pytree.tree_flatten_with_path([images, Instances((4, 6), boxes=BOXES)])[0]
    assert [pytree.keystr(path) for path, _ in found] == [
        "[0].tensor",
        "[0].image_sizes",
        "[1].image_size",
        "[1].boxes.tensor",
    ]


def test_what_is_no_tensor_may_be_put_into_a_tree():
    names = pytree.tree_map(lambda _: "leaf", STRUCTURES[6])
    assert (names.tensor, names.sizes) == ("leaf", "leaf")


def clip(images: ImageList, boxes: list[Boxes]) -> list[Boxes]:
    """Boxes within their images."""
    pairs = zip(boxes, images.image_sizes, strict=True)
    return [each.clip(size) for each, size in pairs]


CLIPPING = {
    "composer": 1,
    "inputs": {"images": "any", "boxes": "any"},
    "nodes": {"clip": {"uses": "clip", "inputs": {"images": "images", "boxes": "boxes"}}},
    "outputs": {"clipped": "clip"},
}


@pytest.fixture
def unchecked_types():
    """While a program is traced, sizes are symbols, which signatures call int."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_types")
def test_sizes_of_images_are_values_of_an_exported_program():
    graph = Graph.from_spec(CLIPPING, nodes={**NODES, "clip": clip})
    part = graph.subgraph(until="clip")
    made = torch.export.export(
        part, (ImageList(torch.zeros(1, 3, 8, 16), [(8, 16)]), [BOXES]), strict=False
    )
    buffer = io.BytesIO()
    torch.export.save(made, buffer)
    buffer.seek(0)
    with torch.serialization.safe_globals([ImageList, Boxes]):  # the example is in the file
        program = torch.export.load(buffer).module()
    for size in ((8, 16), (4, 4), (7, 3)):
        images = ImageList(torch.zeros(1, 3, 8, 16), [size])
        (found,) = program(images, [BOXES])
        assert isinstance(found, Boxes)
        assert torch.equal(found.tensor, BOXES.clip(size).tensor)


@pytest.mark.slow
def test_a_backbone_is_exported_with_images_of_any_size():
    graph = Graph.from_spec("mask_rcnn_r50_fpn", depth=18, until="backbone", weights={})
    part = graph.subgraph(feeds=["preprocess.images"], until="backbone")
    images = ImageList(torch.rand(2, 3, 128, 160), [(100, 160), (128, 150)])
    shapes = torch.export.ShapesCollection()
    shapes[images.tensor] = {
        2: 32 * torch.export.Dim("height", min=2, max=40),
        3: 32 * torch.export.Dim("width", min=2, max=40),
    }
    exported = torch.export.export(part, (images,), dynamic_shapes=shapes, strict=False)
    assert exported.state_dict.keys() == part.state_dict().keys()
    other = ImageList(torch.rand(2, 3, 192, 96), [(180, 96), (192, 50)])
    found, expected = exported.module()(other), part(other)
    assert found.keys() == expected.keys()
    for level, features in expected.items():
        torch.testing.assert_close(found[level], features)
