"""Runs with other numbers of regions, on which exported files are checked."""

import torch

from composer import Graph
from composer.exporting import ExportOptions, make_cut
from composer.structures import Boxes, ImageBatch, RegionFeatures

NUM_REGIONS = 5


def find_boxes(batch: ImageBatch) -> list[Boxes]:
    return [Boxes(torch.rand(NUM_REGIONS, 4)) for _ in batch.images]


def find_few_boxes(batch: ImageBatch) -> list[Boxes]:
    """As many boxes as there are rows of 50 pixels."""
    return [Boxes(torch.rand(max(image.shape[1] // 50, 1), 4)) for image in batch.images]


def pool(boxes: list[Boxes]) -> RegionFeatures:
    return torch.cat([each.tensor for each in boxes])[:, :, None, None]


def head(x: RegionFeatures) -> RegionFeatures:
    return x * 2


def head_of_five(x: RegionFeatures) -> RegionFeatures:
    assert len(x) == NUM_REGIONS
    return x * 2


NODES = {
    "find_boxes": find_boxes,
    "find_few_boxes": find_few_boxes,
    "pool": pool,
    "head": head,
    "head_of_five": head_of_five,
}


def build(boxes="find_boxes", head="head"):
    nodes = {
        "boxes": {"uses": boxes, "inputs": {"batch": "batch"}},
        "pooled": {"uses": "pool", "inputs": {"boxes": "boxes"}},
        "head": {"uses": head, "inputs": {"x": "pooled"}},
    }
    spec = {"composer": 1, "inputs": {"batch": "ImageBatch"}, "nodes": nodes}
    return Graph.from_spec({**spec, "outputs": {"y": "head"}}, nodes=NODES)


def count_regions(graph, size=(200, 300), **options):
    image = {"image": torch.zeros(3, *size, dtype=torch.uint8)}
    cut = make_cut(graph, ExportOptions(until=("head",), inputs=[image], **options))
    return [len(cut.read_outputs(example)["head"]) for example in cut.examples]


def test_regions_that_are_fed_are_halved():
    assert count_regions(build(), feeds=("boxes",)) == [NUM_REGIONS, NUM_REGIONS, NUM_REGIONS // 2]


def test_regions_of_two_images_are_another_number():
    assert count_regions(build(), feeds=("pooled",)) == [NUM_REGIONS, NUM_REGIONS, NUM_REGIONS * 2]


def test_one_region_becomes_two():
    assert count_regions(build("find_few_boxes"), (40, 40), feeds=("boxes",)) == [1, 1, 2]


def test_regions_that_are_not_fed_are_those_of_a_corner_of_the_image():
    assert count_regions(build()) == [NUM_REGIONS] * 3
    assert count_regions(build("find_few_boxes")) == [4, 2]
    assert count_regions(build("find_few_boxes"), (60, 300)) == [1, 1, 1]


def test_nodes_that_take_one_number_only_are_not_run_on_another():
    assert count_regions(build(head="head_of_five"), feeds=("boxes",)) == [NUM_REGIONS] * 2
