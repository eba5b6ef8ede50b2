"""What real data holds: every family trains on what can be learnt, and refuses clearly the rest."""

import pytest
import torch

from composer import ComposerError, Graph
from composer.structures import Instances, RotatedBoxes
from known_settings import known_settings
from specs.region_detectors import SMALL, labelled

DENSE = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 64,  # two for each group of a group normalisation
    "num_convs": 1,
    "num_classes": 3,
}
FAMILIES = {
    "mask_rcnn_r50_fpn": SMALL,
    "keypoint_rcnn_r50_fpn": SMALL,
    "cascade_rcnn_r50_fpn": SMALL,
    "rotated_faster_rcnn_r50_fpn": SMALL,
    "retinanet_r50_fpn": DENSE,
    "fcos_r50_fpn": DENSE,
    "cascade_mask_rcnn_cspnet_fpn": SMALL,
}


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request):
    known = Graph.from_spec(request.param, **_known(request.param)).train()
    return request.param, known


def _known(name):
    return known_settings(name, FAMILIES[name])


def image(name, *boxes, size=(64, 96), **entries):
    """A record whose boxes are of the kind that the family takes."""
    record = {**labelled(*boxes, size=size), **entries}
    if name.startswith("rotated"):
        truth = record["instances"]
        corners = truth.gt_boxes.tensor
        center, sides = truth.gt_boxes.get_centers(), corners[:, 2:] - corners[:, :2]
        rows = torch.cat((center, sides, torch.zeros(len(corners), 1)), dim=1)
        record["instances"] = Instances(
            size, gt_boxes=RotatedBoxes(rows), gt_classes=truth.gt_classes
        )
    return record


def check_learning(graph, losses):
    """Losses and gradients are finite, and there are some."""
    sum(losses.values()).backward()
    gradients = [one.grad for one in graph.parameters() if one.grad is not None]
    assert all(value.isfinite() for value in losses.values())
    assert gradients
    assert all(one.isfinite().all() for one in gradients)


@pytest.mark.parametrize(
    ("boxes", "size"),
    [
        ([], (64, 96)),
        ([[5.0, 5.0, 6.0, 6.0]], (64, 96)),
        ([[0.0, 0.0, 1.0, 1.0]], (1, 1)),
        ([[0.0, 0.0, 1.0, 30.0]], (40, 2)),
        ([[-20.0, -5.0, 4000.0, 40.0]], (64, 96)),
    ],
    ids=["no object", "one pixel", "image of a pixel", "strip", "box far outside"],
)
def test_it_learns_from_a_batch_of_one(family, boxes, size):
    name, graph = family
    graph.zero_grad()
    check_learning(graph, graph([image(name, *boxes, size=size)]))


def test_it_learns_in_bfloat16(family):
    name, graph = family
    graph.zero_grad()
    batch = [image(name, [10.0, 10.0, 30.0, 30.0], [-20.0, -5.0, 4000.0, 40.0])]
    with torch.autocast("cpu", torch.bfloat16):
        losses = graph(batch)
    check_learning(graph, losses)


def test_an_object_without_area_is_refused_by_name(family):
    name, graph = family
    batch = [image(name, [10.0, 10.0, 30.0, 30.0], [5.0, 5.0, 5.0, 9.0])]
    with pytest.raises(ComposerError, match=r"box of object 1 of 2 in an image.*has no area"):
        graph(batch)


@pytest.mark.parametrize("given", [3, 7])
def test_a_class_that_there_is_not_is_refused(family, given):
    name, graph = family
    record = image(name, [10.0, 10.0, 30.0, 30.0])
    record["instances"].gt_classes = torch.tensor([given])
    with pytest.raises(ComposerError, match=f"from {given} to {given}, but num_classes is 3"):
        graph([record])
