"""The specs with torchvision's numerics at a small size: results, hard inputs, training."""

import inspect

import pytest
import torch
from torchvision.models import detection, list_models
from torchvision.ops.poolers import LevelMapper

from composer import Graph
from composer.construction import check_source
from composer.discovery import shipped_specs
from composer.structures import ImageBatch
from composer.testing import check_graph
from composer_torchvision.key_mapping import TorchvisionMapping
from known_settings import known_settings
from specs.region_detectors import SMALL, labelled

SPECS = [
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "keypointrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
]
RESIDUAL_REGIONS = SPECS[1:5]
NORMALIZED_HEADS = ["retinanet_resnet50_fpn_v2", "fcos_resnet50_fpn"]
FIRST_VERSIONS = [
    pytest.param(spec, marks=pytest.mark.slow(seconds=30)) if spec == "ssd300_vgg16" else spec
    for spec in SPECS
    if not spec.endswith(("_v2", "_320_fpn"))
]
STEPS = {"ssd300_vgg16": 8}  # each with images of 300 x 300 pixels
OBJECT = [8.0, 8.0, 40.0, 44.0]
MORE = {
    "min_size": [64],
    "max_size": 128,
    "box_conv_dim": 8,
    "num_classes": 3,
    "rpn_pre_nms_topk_inference": 50,
    "topk_candidates": 50,
    "num_convs": 1,
}
MOBILE = {"backbone.bottom_up.options": {"width_mult": 0.25}}
NEEDS = {
    "fasterrcnn_mobilenet_v3_large_fpn": MOBILE,
    "fasterrcnn_mobilenet_v3_large_320_fpn": MOBILE,
    "ssd300_vgg16": {"backbone.name": "vgg11"},
    "ssdlite320_mobilenet_v3_large": {"width_mult": 0.25},
}
RESIDUAL_TRAINABLE = {"backbone_norm": "BN", "backbone_norm_eps": 1e-5, "freeze_at": 0}
TRAINABLE = {
    "fasterrcnn_mobilenet_v3_large_fpn": {"backbone.bottom_up.norm": ""},
    "ssd300_vgg16": {},
    "ssdlite320_mobilenet_v3_large": {},
}


def build(name, **params):
    spec = f"torchvision/{name}"
    small = {**SMALL, **MORE, **NEEDS.get(name, {})}
    if name in NORMALIZED_HEADS:
        small["fpn_channels"] = 64  # two a group
    return Graph.from_spec(spec, **{**known_settings(spec, small), **params})


def on_unit_scale(record):
    """The record as torchvision wants it: values from 0 to 1, the first class being 1."""
    record = {**record, "image": record["image"] / 255}
    instances = record["instances"]
    instances.gt_classes = instances.gt_classes + 1
    return record


def batch_of(*sizes, boxes=(OBJECT,)):
    return [on_unit_scale(labelled(*boxes, size=size)) for size in sizes]


@pytest.fixture(scope="module", params=SPECS)
def model(request):
    return request.param, build(request.param).requires_grad_(False)


def test_every_detector_of_torchvision_has_a_spec():
    assert {f"torchvision/{name}" for name in list_models(module=detection)} == {
        name for name in shipped_specs() if name.startswith("torchvision/")
    }


@pytest.mark.parametrize("name", SPECS)
def test_the_state_dict_of_torchvision_fits_key_by_key_and_shape_by_shape(name):
    with torch.device("meta"):
        theirs = getattr(detection, name)(weights=None, weights_backbone=None)
        expected = TorchvisionMapping().rename(theirs.state_dict())
    found = Graph.from_spec(f"torchvision/{name}").state_dict()
    counts = {key for key in expected if key.endswith("num_batches_tracked")}
    assert {key: tuple(value.shape) for key, value in found.items() if key not in counts} == {
        key: tuple(value.shape) for key, value in expected.items() if key not in counts
    }


def test_region_heads_choose_levels_and_drop_small_boxes_as_torchvisions_do():
    epsilon = inspect.signature(LevelMapper).parameters["eps"].default
    smallest = 1e-2  # written out in RoIHeads.postprocess_detections
    for name in SPECS:
        nodes = check_source(f"torchvision/{name}").nodes
        poolers = [node for node in nodes.values() if node.uses == "roi_pooler"]
        assert [one.config["level_epsilon"] for one in poolers] == [epsilon] * len(poolers), name
        assert ("rcnn" in name) == bool(poolers)
        if poolers:
            assert nodes["roi_heads.detections"].config["min_box_size"] == smallest, name


@pytest.mark.parametrize("name", RESIDUAL_REGIONS)
def test_models_with_region_heads_are_alike_in_what_they_share(name):
    first, nodes = (check_source(f"torchvision/{one}").nodes for one in (SPECS[0], name))
    meant = {"num_classes", "norm", "norm_eps", "conv_dims", "fc_dims", "min_size", "in_channels"}
    for path, node in first.items():
        found = nodes[path].config
        differing = {key for key, value in node.config.items() if found[key] != value}
        assert differing <= meant, path


def test_results_have_the_size_that_is_asked_for_and_torchvisions_labels(model):
    name, graph = model
    (record,) = batch_of((60, 90))
    (result,) = graph.eval()([{**record, "height": 120, "width": 90}])
    instances = result["instances"]
    assert instances.image_size == (120, 90)
    assert 0 < len(instances) <= 300
    labels = set(instances.pred_classes.tolist())
    assert labels <= ({0, 1, 2} if "resnet" in name and "rcnn" not in name else {1, 2, 3})
    if name.startswith("mask"):
        assert instances.pred_masks.shape[1:] == (120, 90)


def test_images_of_very_different_sizes_make_one_batch(model):
    sizes = [(1, 1), (200, 20), (33, 157)]
    results = model[1].eval()(batch_of(*sizes, boxes=()))
    assert [result["instances"].image_size for result in results] == sizes


def test_an_empty_batch_has_no_results(model):
    assert model[1].eval()([]) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_pixels_that_are_not_finite_make_no_detections(model, bad):
    (record,) = batch_of((40, 50))
    (result,) = model[1].eval()([{**record, "image": torch.full((3, 40, 50), bad)}])
    assert len(result["instances"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn_v2"])
def test_every_node_keeps_the_contract_in_both_modes(name):
    graph = build(name).requires_grad_(False)
    batch = ImageBatch(batch_of((60, 90), (60, 40)))
    check_graph(graph.eval(), batch)
    check_graph(graph.train(), batch)


@pytest.mark.parametrize("name", FIRST_VERSIONS)
def test_training_lowers_the_loss(name):
    graph = build(name, **TRAINABLE.get(name, RESIDUAL_TRAINABLE)).train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=2e-3)
    batch = batch_of((64, 64), (64, 64))  # SSDLite normalises maps of one cell
    totals = []
    for _ in range(STEPS.get(name, 20)):
        total = sum(graph.run(batch, seed=0).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert sum(totals[-3:]) < 0.9 * sum(totals[:3])


@pytest.mark.parametrize("name", FIRST_VERSIONS)
def test_images_without_objects_train_without_a_fault(name):
    graph = build(name).train()
    losses = graph([*batch_of((64, 96)), *batch_of((64, 64), boxes=())])
    assert all(loss.isfinite() for loss in losses.values())
    sum(graph(batch_of((64, 64), (48, 64), boxes=())).values()).backward()
    learning = [weight for weight in graph.parameters() if weight.requires_grad]
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in learning)


@pytest.mark.parametrize("name", FIRST_VERSIONS)
def test_an_empty_batch_trains_with_losses_of_zero(name):
    losses = build(name).train()([])
    assert losses
    assert all(loss.item() == 0 for loss in losses.values())
