"""The shipped specs of the R-CNN family at a small size: results, hard inputs, training."""

import pytest
import torch

from composer.events import EventStorage
from composer.structures import ImageBatch
from composer.testing import check_graph
from specs.region_detectors import FAMILIES, VARIANTS, build, labelled, record

FIELDS = {
    "faster_rcnn": {"pred_boxes", "scores", "pred_classes"},
    "mask_rcnn": {"pred_boxes", "scores", "pred_classes", "pred_masks"},
    "keypoint_rcnn": {
        "pred_boxes",
        "scores",
        "pred_classes",
        "pred_keypoints",
        "pred_keypoint_heatmaps",
    },
    "rpn": {"proposal_boxes", "objectness_logits"},
}
LOSSES = {
    "rpn": {"loss_rpn_cls", "loss_rpn_loc"},
    "fast_rcnn": {"loss_cls", "loss_box_reg"},
    "faster_rcnn": {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg"},
    "mask_rcnn": {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_mask"},
    "keypoint_rcnn": {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_keypoint"},
}
FIELDS |= {"fast_rcnn": FIELDS["faster_rcnn"], "cascade_rcnn": FIELDS["faster_rcnn"]}
FIELDS |= {"cascade_mask_rcnn": FIELDS["mask_rcnn"]}
STAGES = {f"{name}_stage{stage}" for name in LOSSES["fast_rcnn"] for stage in range(3)}
LOSSES |= {"cascade_rcnn": LOSSES["rpn"] | STAGES}
LOSSES |= {"cascade_mask_rcnn": LOSSES["rpn"] | STAGES | {"loss_mask"}}

MORE = ["mask_rcnn_r50_c4", "fast_rcnn_r50_fpn", "rpn_r50_fpn"]
OBJECT = [8.0, 8.0, 40.0, 44.0]


def family(spec):
    return spec.partition("_r50")[0].partition("_x101")[0]


@pytest.fixture(scope="module", params=[*FAMILIES, *VARIANTS])
def model(request):
    return request.param, build(request.param).requires_grad_(False)


@pytest.fixture
def graph(model):
    """The model in inference, whatever the test before has done to it."""
    return model[1].eval()


def test_results_have_the_fields_and_the_size_that_are_asked_for(model, graph):
    (result,) = graph([record(64, 96, height=128, width=100)])
    (instances,) = result.values()
    assert list(result) == ["proposals" if model[0].startswith("rpn") else "instances"]
    assert set(instances.get_fields()) == FIELDS[family(model[0])]
    assert instances.image_size == (128, 100)
    assert 0 < len(instances) <= 300


def test_images_of_very_different_sizes_make_one_batch(graph):
    sizes = [(1, 1), (200, 20), (33, 157)]
    results = graph([record(*size) for size in sizes])
    assert [next(iter(result.values())).image_size for result in results] == sizes


def test_an_empty_batch_has_no_results(graph):
    assert graph([]) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_pixels_that_are_not_finite_make_no_detections(graph, bad):
    (result,) = graph([{**record(40, 50), "image": torch.full((3, 40, 50), bad)}])
    assert len(next(iter(result.values()))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["keypoint_rcnn_r50_fpn", "cascade_mask_rcnn_r50_fpn", *MORE])
def test_every_node_keeps_the_contract_in_both_modes(spec):
    graph = build(spec).requires_grad_(False)
    batch = ImageBatch([labelled(OBJECT), labelled(OBJECT, size=(60, 40))])
    check_graph(graph.eval(), batch)
    check_graph(graph.train(), batch)


@pytest.mark.parametrize("spec", FAMILIES)
def test_losses_have_the_names_of_detectron2(spec):
    losses = build(spec).train()([labelled(OBJECT)])
    assert losses.keys() == LOSSES[family(spec)]
    assert all(loss.requires_grad for loss in losses.values())


@pytest.mark.parametrize("spec", FAMILIES)
def test_training_lowers_the_loss(spec):
    graph = build(spec, backbone_norm="BN").train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=2e-3)
    batch = [labelled(OBJECT, size=(64, 64))]
    totals = []
    for _ in range(20):
        total = sum(graph.run(batch, seed=0).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert sum(totals[-3:]) < 0.9 * sum(totals[:3])


@pytest.mark.parametrize("spec", FAMILIES)
def test_images_without_objects_train_without_a_fault(spec):
    graph = build(spec).train()
    for batch in ([labelled(), labelled()], [labelled(OBJECT), labelled()]):
        graph.zero_grad()
        sum(graph(batch).values()).backward()
        gradients = {
            name: weight.grad for name, weight in graph.named_parameters() if weight.requires_grad
        }
        missing = [name for name, gradient in gradients.items() if gradient is None]
        assert missing == []
        assert all(gradient.isfinite().all() for gradient in gradients.values())


@pytest.mark.parametrize("spec", FAMILIES)
def test_an_empty_batch_trains_with_losses_of_zero(spec):
    losses = build(spec).train()([])
    assert losses.keys() == LOSSES[family(spec)]
    assert all(loss.item() == 0 for loss in losses.values())


@pytest.mark.parametrize(
    ("spec", "node", "ports"),
    [
        ("mask_rcnn_r50_fpn", "sampled", ["boxes", "classes", "matched_boxes", "matched_indices"]),
        ("cascade_rcnn_r50_fpn", "relabeled1", ["boxes", "classes", "matched_boxes"]),
        ("rpn_r50_c4", "rpn_targets", ["labels", "boxes"]),
    ],
)
def test_training_goes_on_from_an_intermediate_bit_for_bit(spec, node, ports):
    graph = build(spec).train()
    batch = [labelled(OBJECT), labelled(size=(40, 60))]
    whole = graph.run(batch, seed=7)
    part = graph.run(batch, until=[f"{node}.{port}" for port in ports], seed=7)
    assert graph.run(batch, feeds=part, seed=7) == whole


def test_sampled_regions_are_computed_without_the_heads():
    graph = build("mask_rcnn_r50_fpn").train()
    ran = []
    graph.add_hook(lambda path, inputs: ran.append(path), "before")
    boxes = graph.run([labelled(OBJECT)], until="sampled")
    assert len(boxes[0]) <= 16
    assert ran[-1] == "roi_heads.sampled"
    assert not {"roi_heads.box_pooler", "proposal_generator.rpn_losses"} & set(ran)


def test_a_loss_is_computed_in_evaluation():
    graph = build("cascade_mask_rcnn_r50_fpn")
    batch = [labelled(OBJECT)]
    first, second = (graph.run(batch, mode="training", seed=1) for _ in range(2))
    assert first == second
    assert not graph.training


def test_statistics_are_recorded_under_the_names_of_detectron2():
    with EventStorage() as storage:
        build("mask_rcnn_r50_fpn").train()([labelled(OBJECT)])
    assert set(storage.latest()) == {
        "rpn/num_pos_anchors",
        "rpn/num_neg_anchors",
        "roi_head/num_fg_samples",
        "roi_head/num_bg_samples",
        "fast_rcnn/cls_accuracy",
        "fast_rcnn/fg_cls_accuracy",
        "fast_rcnn/false_negative",
        "mask_rcnn/accuracy",
        "mask_rcnn/false_positive",
        "mask_rcnn/false_negative",
    }
