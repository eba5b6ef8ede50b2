"""The shipped specs of RetinaNet and FCOS at a small size: hard inputs, training, params."""

import pytest
import torch

from composer import Graph
from composer.events import EventStorage
from composer.structures import Boxes, Instances

SPECS = ["retinanet_r50_fpn", "fcos_r50_fpn"]
SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 64,  # two for each group of a group normalisation
    "num_convs": 1,
    "num_classes": 3,
}


def build(spec, **params):
    return Graph.from_spec(spec, **{**SMALL, **params})


@pytest.fixture(scope="module", params=SPECS)
def graph(request):
    return build(request.param, score_threshold=0.0).requires_grad_(False)


def record(rows, columns, **entries):
    return {"image": torch.rand(3, rows, columns) * 255, **entries}


def labelled(boxes, classes, size=(64, 96)):
    instances = Instances(
        size, gt_boxes=Boxes(boxes), gt_classes=torch.tensor(classes, dtype=torch.int64)
    )
    return record(*size, instances=instances)


def test_results_have_the_fields_and_the_size_that_are_asked_for(graph):
    (result,) = graph([record(64, 96, height=128, width=100)])
    instances = result["instances"]
    assert instances.image_size == (128, 100)
    assert list(instances.get_fields()) == ["pred_boxes", "scores", "pred_classes"]
    assert 0 < len(instances) <= 100
    assert instances.pred_classes.max() < 3


def test_images_of_very_different_sizes_make_one_batch(graph):
    results = graph([record(1, 1), record(300, 20), record(33, 257)])
    sizes = [result["instances"].image_size for result in results]
    assert sizes == [(1, 1), (300, 20), (33, 257)]
    for result, (height, width) in zip(results, sizes, strict=True):
        boxes = result["instances"].pred_boxes.tensor
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()


def test_an_empty_batch_has_no_results(graph):
    assert graph([]) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_pixels_that_are_not_finite_make_no_detections(graph, bad):
    (result,) = graph([{"image": torch.full((3, 40, 50), bad)}])
    assert len(result["instances"]) == 0


@pytest.mark.parametrize("spec", SPECS)
def test_no_detections_make_empty_instances(spec):
    (result,) = build(spec, score_threshold=1.0).requires_grad_(False)([record(40, 50)])
    assert len(result["instances"]) == 0


@pytest.mark.parametrize("spec", SPECS)
def test_training_lowers_the_loss(spec):
    graph = build(spec, depth=18, backbone_norm="BN").train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=1e-3)
    normalizer = graph.callables["losses"].loss_normalizer  # it moves by itself
    batch = [labelled([[8.0, 8.0, 40.0, 44.0]], [2], size=(64, 64))]
    totals = []
    for _ in range(20):
        total = sum(graph(batch).values()) * normalizer.value
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.5 * totals[0]


@pytest.mark.parametrize("spec", SPECS)
def test_images_without_ground_truth_train_without_a_fault(spec):
    graph = build(spec).train()
    losses = graph([labelled([], []), labelled([], [])])
    sum(losses.values()).backward()
    gradients = [weight.grad for weight in graph.parameters() if weight.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("spec", SPECS)
def test_a_loss_is_computed_in_evaluation_and_changes_nothing(spec):
    graph = build(spec)
    batch = [labelled([[8.0, 8.0, 40.0, 44.0]], [0])]
    first, second = (graph.run(batch, mode="training") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("spec", SPECS)
def test_targets_can_be_looked_at_without_the_network(spec):
    graph = build(spec).train()
    ran = []
    graph.add_hook(lambda path, inputs: ran.append(path), "before")
    graph.run([labelled([[8.0, 8.0, 40.0, 44.0]], [1])], until="targets.classes")
    assert "head" not in ran
    assert ran[-1] == "targets"


@pytest.mark.parametrize("spec", SPECS)
def test_statistics_are_recorded_under_the_names_of_detectron2(spec):
    with EventStorage() as storage:
        build(spec).train()([labelled([[8.0, 8.0, 40.0, 44.0]], [1])])
    assert list(storage.latest()) == ["num_pos_anchors"]
    assert storage.latest()["num_pos_anchors"][0] > 0


def test_a_deeper_network_differs_in_its_depth_only():
    keys = {
        name: set(build(name).state_dict()) for name in ("retinanet_r50_fpn", "retinanet_r101_fpn")
    }
    more = keys["retinanet_r101_fpn"] - keys["retinanet_r50_fpn"]
    assert keys["retinanet_r50_fpn"] < keys["retinanet_r101_fpn"]
    assert {".".join(key.split(".")[:3]) for key in more} == {"backbone.bottom_up.res4"}


def test_params_reach_their_nodes():
    graph = build(
        "retinanet_r50_fpn",
        num_classes=7,
        sizes=[[16.0], [32.0], [64.0], [128.0], [256.0]],
        num_anchors=3,
        num_convs=2,
        max_per_image=4,
        score_threshold=0.0,
        **{"head.norm": "BN"},
    )
    shapes = {name: tuple(value.shape) for name, value in graph.state_dict().items()}
    assert shapes["head.cls_score.weight"] == (21, 64, 3, 3)
    assert shapes["head.bbox_pred.weight"] == (12, 64, 3, 3)
    assert "head.cls_subnet.4.4.running_mean" in shapes
    assert "head.cls_subnet.6.weight" not in shapes
    assert len(graph.requires_grad_(False)([record(64, 64)])[0]["instances"]) <= 4


def test_fcos_takes_its_coarsest_levels_from_the_pyramid():
    weights = build("fcos_r50_fpn").state_dict()
    assert weights["backbone.top_block.p6.weight"].shape[1] == 64
    assert weights["head.ctrness.weight"].shape == (1, 64, 3, 3)
