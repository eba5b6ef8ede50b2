"""Every node of a graph is checked on what it receives in a run."""

import pytest
import torch
from torch import Tensor, nn

from composer import ConformanceError, ExecutionError, Graph
from composer.structures import BitMasks, ImageBatch, Instances, RegionFeatures
from composer.testing import check_graph, random_batch, random_boxes


def double(x: Tensor) -> Tensor:
    return 2 * x


def double_in_place(x: Tensor) -> Tensor:
    return x.mul_(2)


def spoil(x: Tensor) -> RegionFeatures:
    raise ArithmeticError("spoilt")


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(x.shape) if self.training else x


NODES = {
    "double": double,
    "double_in_place": double_in_place,
    "noise": Noise,
    "spoil": spoil,
}


def make_graph(*types):
    chain = ["x", *(f"n{place}" for place in range(len(types)))]
    nodes = {
        chain[place + 1]: {"uses": type_, "inputs": {"x": chain[place]}}
        for place, type_ in enumerate(types)
    }
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": chain[-1]}}
    return Graph.from_spec({**document, "name": "chain"}, nodes=NODES)


def test_graph_of_nodes_that_conform_passes():
    check_graph(make_graph("double", "noise"), torch.rand(2, 3))


def test_reasons_stand_after_the_paths_of_their_nodes():
    with pytest.raises(ConformanceError) as error:
        check_graph(make_graph("double_in_place", "double", "double_in_place"), torch.rand(2, 3))
    reason = "it changes what it receives: 'x' has other values"
    assert error.value.reasons == (f"n0: {reason}", f"n2: {reason}")
    assert str(error.value).startswith("graph chain breaks the contract of node types:\n")


def test_nodes_that_do_not_run_are_not_checked():
    check_graph(make_graph("double", "double_in_place"), torch.rand(2, 3), until="n0")


def test_nodes_are_checked_in_the_mode_of_the_run():
    graph = make_graph("noise")
    check_graph(graph, torch.rand(2))
    with pytest.raises(ConformanceError, match="n0: it draws from torch's global generator"):
        check_graph(graph.train(), torch.rand(2))


def test_fed_values_are_given_as_they_are():
    feeds = {"n0": torch.rand(2, 3)}
    check_graph(make_graph("double_in_place", "double"), feeds=feeds)


def test_run_that_fails_is_told_as_by_the_graph():
    with pytest.raises(ExecutionError, match="spoilt"):
        check_graph(make_graph("spoil"), torch.rand(2))


NARROW = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 32,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 3,
    "batch_size_per_image": 8,
    "rpn_post_nms_topk_inference": 30,
}


def make_labelled_batch():
    """Two images with ground truth."""
    sizes = [(64, 64), (48, 40)]
    return ImageBatch(
        [
            {**record, "instances": make_instances(size, seed)}
            for seed, (record, size) in enumerate(zip(random_batch(sizes), sizes, strict=True))
        ]
    )


def make_instances(size, seed):
    (boxes,) = random_boxes((3,), image_size=size, seed=seed)
    masks = BitMasks(torch.rand(3, *size) > 0.5)
    return Instances(size, gt_boxes=boxes, gt_classes=torch.arange(3), gt_masks=masks)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_every_node_of_mask_rcnn_conforms(mode):
    graph = Graph.from_spec("mask_rcnn_r50_fpn", **NARROW).train(mode == "training")
    check_graph(graph, make_labelled_batch())
