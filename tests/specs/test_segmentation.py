"""The shipped specs of Semantic FPN and Panoptic FPN at a small size: inputs, outputs, training."""

import pytest
import torch

from composer import Graph
from composer.storage import read_value, write_value
from composer.structures import BitMasks, Boxes, Instances

SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 8,
    "sem_seg_convs_dim": 64,  # two for each group of its normalisation
    "sem_seg_num_classes": 5,
}
PANOPTIC = {"fc_dim": 16, "mask_conv_dim": 8, "num_classes": 3}
SPECS = {"semantic_r50_fpn": {}, "panoptic_r50_fpn": PANOPTIC}
SIZE = (64, 64)


def build(spec, **params):
    return Graph.from_spec(spec, **{**SMALL, **SPECS[spec], **params})


@pytest.fixture(scope="module", params=list(SPECS))
def graph(request):
    return build(request.param).requires_grad_(False)


@pytest.fixture(scope="module")
def panoptic():
    params = {"score_threshold": 0.0, "instances_confidence_threshold": 0.0}
    return build("panoptic_r50_fpn", **params).requires_grad_(False)


def record(rows, columns, **entries):
    return {"image": torch.rand(3, rows, columns) * 255, **entries}


def labelled(boxes, classes, semantic_class=1):
    masks = torch.zeros(len(boxes), *SIZE, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[int(y1) : int(y2), int(x1) : int(x2)] = True
    instances = Instances(
        SIZE,
        gt_boxes=Boxes(boxes),
        gt_classes=torch.tensor(classes, dtype=torch.int64),
        gt_masks=BitMasks(masks),
    )
    return record(*SIZE, instances=instances, sem_seg=torch.full(SIZE, semantic_class))


def test_semantic_scores_have_the_size_that_is_asked_for(graph):
    results = graph([record(64, 96, height=30, width=41), record(1, 1), record(33, 257)])
    shapes = [tuple(result["sem_seg"].shape) for result in results]
    assert shapes == [(5, 30, 41), (5, 1, 1), (5, 33, 257)]


def test_an_empty_batch_has_no_results(graph):
    assert graph([]) == []


def test_panoptic_results_have_all_three_parts(panoptic):
    (result,) = panoptic([record(64, 96, height=128, width=100)])
    assert list(result) == ["instances", "sem_seg", "panoptic_seg"]
    ids, segments = result["panoptic_seg"]
    assert ids.shape == (128, 100)
    assert any(segment["isthing"] for segment in segments)
    assert set(ids.unique().tolist()) - {0} <= {segment["id"] for segment in segments}


def test_panoptic_segments_can_be_stored(panoptic, tmp_path):
    path = tmp_path / "segments.safetensors"
    (found,) = panoptic.run([record(64, 96)], until="panoptic")
    write_value(path, [found])
    ((ids, segments),) = read_value(path)
    assert torch.equal(ids, found.segment_ids)
    assert segments == found.segments_info


def test_other_semantic_scores_do_not_run_the_network_again(panoptic):
    session = panoptic.session([record(64, 96)])
    session["panoptic"]
    ran = []
    with panoptic.add_hook(lambda path, inputs: ran.append(path), "before"):
        session["sem_seg_postprocess"] = [torch.zeros(5, 64, 96)]
        session["panoptic"]
    assert ran == ["panoptic"]


@pytest.mark.parametrize("spec", list(SPECS))
def test_training_lowers_the_loss(spec):
    graph = build(spec, depth=18, backbone_norm="BN").train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=1e-3)
    batch = [labelled([[8.0, 8.0, 40.0, 44.0]], [2])]
    totals = []
    for _ in range(20):
        total = sum(graph.run(batch, seed=0).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.75 * totals[0]


@pytest.mark.parametrize("spec", list(SPECS))
def test_images_without_ground_truth_train_without_a_fault(spec):
    graph = build(spec).train()
    losses = graph([labelled([], [], semantic_class=255)] * 2)
    assert losses["loss_sem_seg"].item() == 0
    sum(losses.values()).backward()
    gradients = [weight.grad for weight in graph.parameters() if weight.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_panoptic_training_gives_the_losses_of_both_parts():
    losses = build("panoptic_r50_fpn").train()([labelled([[8.0, 8.0, 40.0, 44.0]], [2])])
    assert set(losses) == {
        "loss_sem_seg",
        "loss_rpn_cls",
        "loss_rpn_loc",
        "loss_cls",
        "loss_box_reg",
        "loss_mask",
    }


def test_params_reach_their_nodes():
    values = {"in_features": ["p2", "p3"], "norm": "", "common_stride": 2}
    graph = build("semantic_r50_fpn", sem_seg_head=values)
    shapes = {name: tuple(value.shape) for name, value in graph.state_dict().items()}
    heads = {name.split(".")[1] for name in shapes if name.startswith("sem_seg_head.")}
    assert heads == {"p2", "p3", "predictor"}
    assert shapes["sem_seg_head.p3.2.bias"] == (64,)
    logits = graph.requires_grad_(False).run([record(64, 64)], until="sem_seg_head")
    assert logits.shape == (1, 5, 32, 32)
