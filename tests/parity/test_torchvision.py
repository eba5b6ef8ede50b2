"""The specs with torchvision's numerics against torchvision's own models, built here and now."""

import copy

import pytest
import torch
from torch import nn

from composer import Graph
from composer.structures import Boxes, Instances
from composer_torchvision.key_mapping import TorchvisionMapping
from parity.golden import assert_instances_match, match_boxes
from parity.torchvision_models import (
    CHANNELS,
    NUM_CLASSES,
    NUM_KEYPOINTS,
    NUM_PROPOSALS,
    SIZES,
    WIDTH,
    build_torchvision,
    calibrate,
    freeze_backbone,
    make_scene,
)

KEYPOINT = "keypointrcnn_resnet50_fpn"
MOBILE = "fasterrcnn_mobilenet_v3_large_fpn"
REGION_BASED = [
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    KEYPOINT,
    MOBILE,
]
SINGLE_SHOT = ["ssd300_vgg16", "ssdlite320_mobilenet_v3_large"]
DENSE = [
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    *SINGLE_SHOT,
]

SMALL = {
    "min_size": [SIZES["min_size"]],
    "max_size": SIZES["max_size"],
    "width_per_group": 4,
    "fpn_channels": CHANNELS,
    "backbone_norm_eps": 1e-5,
}
SMALL_REGIONS = {
    "fc_dim": 64,
    "rpn_post_nms_topk_inference": NUM_PROPOSALS,
    "rpn_post_nms_topk_training": NUM_PROPOSALS,
}

LOSSES = {
    "loss_rpn_cls": "loss_objectness",
    "loss_rpn_loc": "loss_rpn_box_reg",
    "loss_cls": "loss_classifier",
    "loss_box_reg": "loss_box_reg",
    "loss_mask": "loss_mask",
    "loss_keypoint": "loss_keypoint",
}
DENSE_LOSSES = {
    "loss_cls": "classification",
    "loss_box_reg": "bbox_regression",
    "loss_fcos_cls": "classification",
    "loss_fcos_loc": "bbox_regression",
    "loss_fcos_ctr": "bbox_ctrness",
}
MORE_SAMPLES_THAN_ANCHORS = 100_000


SMALL_SINGLE_SHOT = {
    "ssd300_vgg16": {"backbone.name": "vgg11"},
    "ssdlite320_mobilenet_v3_large": {"width_mult": WIDTH},
}


def params_of(name, **params):
    if name in SINGLE_SHOT:
        return {"num_classes": NUM_CLASSES - 1, **SMALL_SINGLE_SHOT[name], **params}
    small = dict(SMALL)
    if name == MOBILE:
        del small["width_per_group"]
        small["backbone.bottom_up.options"] = {"width_mult": WIDTH}
    if name in DENSE:
        small["num_classes"] = NUM_CLASSES
    else:
        small |= {**SMALL_REGIONS, "num_classes": 1 if name == KEYPOINT else NUM_CLASSES - 1}
    if name.startswith("mask"):
        small["mask_conv_dim"] = CHANNELS
    if name == KEYPOINT:
        small |= {"keypoint_conv_dim": CHANNELS, "num_keypoints": NUM_KEYPOINTS}
    if name in REGION_BASED and name.endswith("_v2"):
        small["box_conv_dim"] = CHANNELS
    return {**small, **params}


def import_weights(model, name, folder, **params):
    """Gives the graph of a spec the weights of a model, by way of a file."""
    path = folder / f"{name}.pth"
    torch.save(model.state_dict(), path)
    graph = Graph.from_spec(f"torchvision/{name}", **params_of(name, **params))
    assert graph.load(str(path)).format == "torchvision torch"
    return graph


def as_instances(result, image):
    """torchvision's detections of an image in our form."""
    instances = Instances(
        (image.shape[1], image.shape[2]),
        pred_boxes=Boxes(result["boxes"]),
        scores=result["scores"],
        pred_classes=result["labels"],
    )
    if "masks" in result:
        instances.pred_masks = result["masks"][:, 0] > 0.5
    if "keypoints" in result:
        instances.pred_keypoints = result["keypoints"]
    return instances


@pytest.fixture(scope="module", params=[*REGION_BASED, *DENSE])
def case(request):
    """A model's name, the model, and what it is run on."""
    scene = make_scene(2 if request.param == KEYPOINT else NUM_CLASSES)
    torch.manual_seed(1)
    model = build_torchvision(request.param)
    calibrate(model, scene.images)
    return request.param, model, scene


@torch.no_grad()
def test_detections_are_equal(case, tmp_path):
    name, model, scene = case
    graph = import_weights(model, name, tmp_path)
    expected = [
        as_instances(result, image)
        for result, image in zip(model.eval()(scene.images), scene.images, strict=True)
    ]
    found = [result["instances"] for result in graph(scene.records)]
    assert min(len(one) for one in expected) > 10
    assert_instances_match(found, expected)
    if name == KEYPOINT:
        assert_keypoints_match(found, expected)


def assert_keypoints_match(found, expected):
    """Within a pixel, nearly all: a map with two peaks may have its maximum at the other one."""
    distances = []
    for actual, wanted in zip(found, expected, strict=True):
        rows, columns = zip(*match_boxes(actual.pred_boxes, wanted.pred_boxes), strict=True)
        offsets = actual.pred_keypoints[list(rows)] - wanted.pred_keypoints[list(columns)]
        distances.append(offsets[..., :2].abs().amax(dim=2).flatten())
    assert (torch.cat(distances) <= 1).float().mean() >= 0.99


def prepare_training(name, model):
    """The model as it is trained: all samples count, so that chance plays no part."""
    keeps_norms = name.endswith("_v2") or name in SINGLE_SHOT
    model = copy.deepcopy(model) if keeps_norms else freeze_backbone(name, model)
    if name in REGION_BASED:
        for part in (model.rpn, model.roi_heads):
            part.fg_bg_sampler.batch_size_per_image = MORE_SAMPLES_THAN_ANCHORS
    return model.train()


def keep_known_targets(name, targets):
    known = {"boxes", "labels"}
    known |= {"masks"} if name.startswith("mask") else set()
    known |= {"keypoints"} if name == KEYPOINT else set()
    return [{key: target[key] for key in known} for target in targets]


def test_losses_and_their_gradients_are_equal(case, tmp_path):
    name, model, scene = case
    model = prepare_training(name, model)
    params = {} if name in [MOBILE, *SINGLE_SHOT] else {"freeze_at": 0}
    if name in REGION_BASED:
        params["rpn_batch_size_per_image"] = MORE_SAMPLES_THAN_ANCHORS
        params["batch_size_per_image"] = MORE_SAMPLES_THAN_ANCHORS
    graph = import_weights(model, name, tmp_path, **params).train()
    expected = model(scene.images, keep_known_targets(name, scene.targets))
    found = graph(scene.records)
    theirs = DENSE_LOSSES if name in DENSE else LOSSES
    assert {theirs[loss] for loss in found} == set(expected)
    for loss, value in found.items():
        wanted = expected[theirs[loss]].item()
        assert wanted > 0
        assert value.item() == pytest.approx(wanted, rel=1e-3), loss
    sum(expected.values()).backward()
    sum(found.values()).backward()
    assert_gradients_match(graph, model)


def assert_gradients_match(graph: Graph, model: nn.Module) -> None:
    gradients = {
        key: parameter.grad
        for key, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    expected = TorchvisionMapping().rename(gradients)
    found = graph.state_dict(keep_vars=True)
    largest = max(gradient.norm().item() for gradient in expected.values())
    assert len(expected) >= sum(parameter.requires_grad for parameter in model.parameters()) > 60
    for key, gradient in expected.items():
        if key.endswith("bias") and not gradient.any():
            continue  # made up for the convolutions that have no bias in torchvision
        wanted = pytest.approx(gradient.norm().item(), rel=1e-2, abs=1e-6 * largest)
        assert found[key].grad.norm().item() == wanted, key
