"""Losses of rotated heads that detectron2's own tests record, on the inputs of those tests.

detectron2 draws weights and features from one seed; the same numbers are drawn here, in the same
order. There are fewer anchors and regions than the samples hold, so that nothing is left to chance.
"""

import pytest
import torch
from torch import nn

from composer import Graph, import_config
from composer.structures import ImageList, Instances, RotatedBoxes

SEED = 121
CHANNELS = 1024
CONFIG = """
MODEL:
  PROPOSAL_GENERATOR: {NAME: RRPN}
  ANCHOR_GENERATOR: {NAME: RotatedAnchorGenerator, %s}
  RPN: {BBOX_REG_WEIGHTS: [1, 1, 1, 1, 1]}
  ROI_HEADS: {NAME: RROIHeads}
  ROI_BOX_HEAD:
    NAME: FastRCNNConvFCHead
    NUM_FC: 2
    POOLER_TYPE: ROIAlignRotated
    BBOX_REG_WEIGHTS: [10, 10, 5, 5, 1]
"""
FEW_ANCHORS = "SIZES: [[32, 64]], ASPECT_RATIOS: [[0.25, 1]], ANGLES: [[0, 60]]"


@pytest.fixture
def build(tmp_path):
    def build_graph(anchors):
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG % anchors)
        return Graph.from_spec(import_config(path)).train()

    return build_graph


def test_an_rpn_has_the_recorded_losses_where_anchors_overlap_small_objects_alike(build):
    torch.manual_seed(SEED)
    draw_resnet()
    weights = draw_rpn_head(num_anchors=8)
    feeds = draw_inputs()
    targets = [truth([2, 2, 2, 2, 0]), truth([4, 4, 4, 4, 0])]
    losses = run(build(FEW_ANCHORS), weights, feeds, targets, "proposal_generator.losses")
    assert losses == pytest.approx(
        {"loss_rpn_cls": 0.04291602224, "loss_rpn_loc": 0.145077362}, rel=1e-5
    )


@pytest.mark.slow  # its first layer has 205 million weights
def test_region_heads_have_the_recorded_losses_at_the_default_angles(build):
    torch.manual_seed(SEED)
    feeds = draw_inputs()
    weights = {**draw_rpn_head(num_anchors=45), **draw_box_heads()}
    targets = [
        truth([2, 2, 2, 2, 30], [4, 4, 4, 4, 0], classes=[2, 1]),
        truth([1.5, 5.5, 1, 3, 0], [8.5, 4, 3, 2, -50], classes=[1, 2]),
    ]
    until = ["proposal_generator.losses", "roi_heads.losses"]
    losses = run(build(""), weights, feeds, targets, until)
    assert losses == pytest.approx(
        {
            "loss_rpn_cls": 0.2427729219198227,
            "loss_rpn_loc": 0.3646621108055115,
            "loss_cls": 4.365657806396484,
            "loss_box_reg": 0.0015851043863222003,
        },
        rel=1e-5,
    )


def run(graph, weights, feeds, targets, until):
    state = graph.state_dict()
    assert {key: state[key].shape for key in weights} == {k: v.shape for k, v in weights.items()}
    graph.load_state_dict({**state, **weights})
    with torch.no_grad():
        found = graph.run(until=until, feeds={**feeds, "batch.instances": targets})
    if isinstance(until, str):
        found = {until: found}
    parts = [part for one in found.values() for part in (one if isinstance(one, list) else [one])]
    return {name: float(loss) for part in parts for name, loss in part.items()}


def truth(*boxes, classes=None):
    instances = Instances((15, 15), gt_boxes=RotatedBoxes([[float(n) for n in b] for b in boxes]))
    if classes is not None:
        instances.gt_classes = torch.tensor(classes)
    return instances


def draw_inputs():
    images = ImageList(torch.rand(2, 20, 30)[:, None].expand(-1, 3, -1, -1), [(10, 10), (20, 30)])
    return {"preprocess.images": images, "backbone": {"res4": torch.rand(2, CHANNELS, 1, 2)}}


def draw_resnet():
    """Draws the weights of a ResNet-50: detectron2 draws those of res5, too, before it drops it."""
    redraw([nn.Conv2d(3, 64, 7, bias=False)])
    inner = 64
    stages = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))
    for blocks, width, outer in stages:
        for block in range(blocks):
            shortcut = [nn.Conv2d(inner, outer, 1, bias=False)] if block == 0 else []
            convs = [
                nn.Conv2d(inner, width, 1, bias=False),
                nn.Conv2d(width, width, 3, bias=False),
                nn.Conv2d(width, outer, 1, bias=False),
            ]
            inner = outer
            redraw(shortcut + convs)


def redraw(layers):
    """Draws the weights of layers again, from another distribution than PyTorch's own."""
    for layer in layers:
        nn.init.normal_(layer.weight)


def draw_rpn_head(num_anchors):
    head = "proposal_generator.rpn_head"
    layers = {
        f"{head}.conv": nn.Conv2d(CHANNELS, CHANNELS, 3),
        f"{head}.objectness_logits": nn.Conv2d(CHANNELS, num_anchors, 1),
        f"{head}.anchor_deltas": nn.Conv2d(CHANNELS, num_anchors * 5, 1),
    }
    return normal(layers, dict.fromkeys(layers, 0.01))


def draw_box_heads():
    head, predictor = "roi_heads.box_head", "roi_heads.box_predictor"
    fully_connected = {
        f"{head}.fc1": nn.Linear(CHANNELS * 14 * 14, 1024),
        f"{head}.fc2": nn.Linear(1024, 1024),
    }
    for layer in fully_connected.values():
        nn.init.kaiming_uniform_(layer.weight, a=1)
        nn.init.zeros_(layer.bias)
    layers = {
        f"{predictor}.cls_score": nn.Linear(1024, 81),
        f"{predictor}.bbox_pred": nn.Linear(1024, 80 * 5),
    }
    stds = dict(zip(layers, (0.01, 0.001), strict=True))
    return {**parameters(fully_connected), **normal(layers, stds)}


def normal(layers, stds):
    for name, layer in layers.items():
        nn.init.normal_(layer.weight, std=stds[name])
        nn.init.zeros_(layer.bias)
    return parameters(layers)


def parameters(layers):
    return {
        f"{name}.{key}": value.detach()
        for name, layer in layers.items()
        for key, value in layer.state_dict().items()
    }
