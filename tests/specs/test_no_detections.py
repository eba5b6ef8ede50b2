"""Images without detections cost nothing in the branches for regions."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from composer import Graph
from composer.structures import Boxes

BRANCHES = {
    "mask_rcnn_r50_fpn": ("mask_pooler", "mask_head", "masks"),
    "keypoint_rcnn_r50_fpn": ("keypoint_pooler", "keypoint_head", "keypoints"),
}
NARROW = {
    "mask_rcnn_r50_fpn": {"mask_head.conv_dims": [16]},
    "keypoint_rcnn_r50_fpn": {"keypoint_head.conv_dims": [16]},
}


FEEDS = ["backbone", "detections.boxes", "detections.classes"]


class CountedNumbers(TorchDispatchMode):
    """Counts the numbers of floating point that operations make."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            made = [each for each in tree_leaves(result) if isinstance(each, torch.Tensor)]
            self.count += sum(each.numel() for each in made if each.is_floating_point())
        return result


def count(graph, nodes, num_boxes):
    maps = {f"p{level}": torch.rand(1, 256, 2 ** (8 - level), 64) for level in range(2, 7)}
    boxes = [Boxes(torch.tensor([[1.0, 2.0, 30.0, 40.0]]).repeat(num_boxes, 1))]
    classes = [torch.zeros(num_boxes, dtype=torch.int64)]
    feeds = {"backbone": maps, "detections.boxes": boxes, "detections.classes": classes}
    with torch.inference_mode(), CountedNumbers() as numbers:
        graph.run(feeds=feeds, until=list(nodes))
    return numbers.count


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("is_optimized", [False, True])
def test_a_branch_makes_no_number_for_an_image_without_detections(name, is_optimized):
    options = {"set": NARROW[name], "until": list(BRANCHES[name]), "feeds": FEEDS}
    graph = Graph.from_spec(name, **options).eval()
    graph = graph.optimize() if is_optimized else graph
    count(graph, BRANCHES[name], 1)  # folds
    assert count(graph, BRANCHES[name], 1) > 10_000
    assert count(graph, BRANCHES[name], 0) == 0
