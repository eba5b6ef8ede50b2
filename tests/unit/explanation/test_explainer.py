"""Explanations: numbers of detections, places, methods, and what is said of mistakes."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from composer import Graph, InputError, NameResolutionError
from composer.explanation import Explainer, list_methods
from composer.explanation.captum_methods import list_captum_methods
from composer.explanation.explainer import _measure_box
from composer.language import SpecMetadata
from composer.prediction import Predictor
from specs.region_detectors import build
from unit.prediction.conftest import SMALL

PETS = SpecMetadata(thing_classes=("cat", "dog"))


def make_explainer(graph, threshold=0.0, names=PETS):
    return Explainer(Predictor(graph, score_threshold=threshold, names=names, image_size=96))


def noise(height=60, width=80):
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def explainer():
    torch.manual_seed(0)
    return make_explainer(Graph.from_spec("mask_rcnn_r50_fpn", **SMALL))


@pytest.fixture(scope="module")
def opened(explainer):
    return explainer.open(noise())


def test_detections_are_those_of_predictions(explainer, opened):
    instances = explainer.predictor(noise()).instances
    assert [one.score for one in opened.detections] == pytest.approx(instances.scores.tolist())
    assert [one.index for one in opened.detections] == list(range(len(instances)))
    box = instances.pred_boxes.tensor[1].tolist()
    corners = opened.detections[1].corners
    assert [*corners[0], *corners[2]] == pytest.approx(box)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"of": "logit"},
        {"of": "mask"},
        {"of": "mask", "at": "mask_pooler"},
        {"of": "mask", "at": "mask_head:mask_fcn1"},
        {"at": "roi_heads.box_pooler", "method": "grad-cam"},
        {"at": "backbone.p2", "method": "gradient"},
        {"at": "preprocess"},
        {"at": "backbone.bottom_up:stem"},
    ],
)
def test_a_map_has_the_size_of_the_image_and_counts_one(explainer, opened, options):
    found = explainer(opened, 1, **options)
    assert found.heat.shape == (60, 80)
    assert (found.heat >= 0).all()
    assert sum(level.share for level in found.levels) == pytest.approx(1.0)
    assert found.heat.sum().item() == pytest.approx(1.0)
    assert 0 <= found.in_box <= 1
    assert found.draw().width >= 80
    described = json.loads(json.dumps(found.to_json()))
    assert described["detection"]["index"] == 1
    assert described["at"] == found.at
    shares = described["map"]["shares"]
    assert sum(map(sum, shares)) == pytest.approx(1.0, abs=0.01)


def test_the_gradient_is_that_of_the_session_whose_boxes_are_not_held(explainer, opened):
    found = explainer(opened, 1, at="backbone.p2", method="gradient")
    gradient = opened.session.gradient(found.of, "backbone.p2")
    (level,) = found.levels
    assert level.shape == tuple(gradient.shape)
    best = gradient.abs().sum(dim=(0, 2, 3)).argmax()
    assert found.channels[0].channel == int(best)


def test_masks_of_other_detections_are_not_computed(explainer, opened):
    found = explainer(opened, 1, of="mask", at="mask_pooler", method="gradient")
    (level,) = found.levels
    assert level.shape[0] == 1
    name = opened.name_number(opened.find_detection(1), "mask")
    assert found.of == name
    assert found.number == pytest.approx(float(opened.session.read(name)), rel=1e-4)
    gradient = opened.session.gradient(name, "mask_pooler").abs().sum(dim=(0, 2, 3))
    best = found.channels[0]
    assert best.channel == int(gradient.argmax())
    assert best.share == pytest.approx(float(gradient.max() / gradient.sum()), rel=1e-3)


def test_a_map_without_heat_on_the_image_has_no_share_in_the_box(opened):
    assert _measure_box(opened.find_detection(0), torch.zeros(60, 80)) is None


def test_a_mask_that_depends_on_other_detections_is_explained_with_them(explainer):
    opened = explainer.open(noise())
    opened.session.edit("mask_head", lambda x: x - x.mean(dim=0, keepdim=True))
    found = explainer(opened, 1, of="mask", at="mask_pooler")
    (level,) = found.levels
    assert level.shape[0] == len(opened.session["detections.boxes"][0]) > 1


def test_a_logit_is_that_of_the_proposal(opened):
    session = opened.session
    for detection in opened.detections[:3]:
        name = opened.name_number(detection, "logit")
        row = int(session["detections.proposal_indices"][0][detection.place])
        column = int(session["detections.classes"][0][detection.place])
        assert name == f"roi_heads.box_predictor.class_logits[{row}, {column}]"


def test_a_logit_is_found_where_its_score_is_saturated():
    torch.manual_seed(0)
    graph = Graph.from_spec("mask_rcnn_r50_fpn", **SMALL)
    with torch.no_grad():
        graph.module("box_predictor").cls_score.weight.mul_(10_000)
    explainer = make_explainer(graph)
    opened = explainer.open(noise())
    first = opened.find_detection(0)
    assert first.score == 1
    assert opened.session.gradient(opened.name_number(first, "score"), "backbone.p2").sum() == 0
    row = int(opened.session["detections.proposal_indices"][0][first.place])
    column = int(opened.session["detections.classes"][0][first.place])
    name = opened.name_number(first, "logit")
    assert name == f"roi_heads.box_predictor.class_logits[{row}, {column}]"
    assert not explainer(opened, 0, of="logit").is_empty


@pytest.mark.slow
def test_a_score_without_gradients_leads_to_its_logit():
    pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")
    from transformers_models import build_ours, build_theirs

    torch.manual_seed(0)
    graph = build_ours("maskformer", build_theirs("maskformer"))
    explainer = make_explainer(graph, names=None)
    opened = explainer.open(noise())
    with pytest.raises(InputError, match=r"cut at 'instances'.*its logit may have one: --of logit"):
        explainer(opened, 1)
    found = explainer(opened, 1, of="logit")
    query = int(opened.session["instances.query_indices"][0][1])
    category = int(opened.session["instances"][0].pred_classes[1])
    assert found.of == f"predictions[-1, 0, {query}, {category}]"
    assert not found.is_empty


def test_a_number_of_no_detection_is_explained(explainer, opened):
    found = explainer(opened, None, of="proposal_generator.rpn_head.objectness[0][0, 0, 1, 1]")
    assert found.in_box is None
    assert found.detection is None
    assert found.at == "backbone.fpn"
    assert "rpn_head.objectness[0][0, 0, 1, 1]" in found.summary()


def test_what_is_not_there_is_said(explainer, opened):
    count = len(opened.detections)
    with pytest.raises(InputError, match=rf"no detection {count}; there are {count} detections"):
        explainer(opened, count)
    with pytest.raises(InputError, match="no detection -1"):
        explainer(opened, -1)
    with pytest.raises(InputError, match="have no keypoints"):
        explainer(opened, 0, of="keypoint:nose")
    with pytest.raises(InputError, match=r"there is no method 'gradcam'. Did you mean 'grad-cam'"):
        explainer(opened, 0, method="gradcam")
    with pytest.raises(InputError, match="has no rows and columns"):
        explainer(opened, 0, at="box_head")
    with pytest.raises(NameResolutionError, match="'backbone' has no 'p9'"):
        explainer(opened, 0, at="backbone.p9")
    words = r"no number of a detection \(score, logit, mask, keypoint:NAME\)"
    with pytest.raises(NameResolutionError, match=rf"{words}. Did you mean 'score'.*no node"):
        explainer(opened, 0, of="scor")
    assert explainer(opened, 0, at="mask_head").is_empty  # scores do not depend on masks here
    with pytest.raises(InputError, match="'mask' is that of a detection"):
        explainer(opened, None, of="mask")


def test_an_optimised_model_is_explained_by_its_own_modules(explainer):
    plain = explainer(noise(), 0, at="backbone")
    other = make_explainer(explainer.predictor.graph)
    other.predictor.graph = other.predictor.graph.optimize()
    optimised = other(noise(), 0, at="backbone")
    torch.testing.assert_close(optimised.heat, plain.heat, atol=1e-4, rtol=1e-3)


def test_no_detections_are_said():
    torch.manual_seed(0)
    explainer = make_explainer(Graph.from_spec("mask_rcnn_r50_fpn", **SMALL), threshold=1.0)
    with pytest.raises(InputError, match="nothing was detected with a score of 1 or more"):
        explainer(noise(), 0)


def test_keypoints_are_found_by_name_and_number():
    torch.manual_seed(0)
    names = SpecMetadata(thing_classes=("person",), keypoint_names=("nose", "chin"))
    graph = build("keypoint_rcnn_r50_fpn", num_classes=1)
    explainer = make_explainer(graph, names=names)
    opened = explainer.open(noise())
    by_name, by_number = (explainer(opened, 1, of=f"keypoint:{one}") for one in ("chin", "1"))
    assert by_name.of == by_number.of
    assert by_name.of.endswith("pred_keypoint_heatmaps[1, 1].max()")
    assert torch.equal(by_name.heat, by_number.heat)
    for wrong in ("keypoint:chn", "keypoint:2", "keypoint:"):
        with pytest.raises(InputError, match=r"keypoint:NAME.*they are nose, chin"):
            explainer(opened, 1, of=wrong)


@pytest.mark.parametrize("spec", ["retinanet_r50_fpn", "fcos_r50_fpn"])
def test_one_stage_detectors_are_explained(spec):
    torch.manual_seed(0)
    small = {"stem_out_channels": 4, "res2_out_channels": 8, "width_per_group": 2}
    graph = Graph.from_spec(
        spec, **small, depth=18, fpn_channels=64, num_convs=1, num_classes=2, score_threshold=0.0
    )
    with torch.no_grad():
        for parameter in graph.module("head").parameters():
            parameter.mul_(0.1)
    explainer = make_explainer(graph)
    opened = explainer.open(noise())
    for of in ("score", "logit"):
        found = explainer(opened, 2, of=of)
        assert not found.is_empty
        assert found.at == "backbone.fpn"
    assert "head.class_logits[" in found.of


def test_captum_that_is_not_installed_is_named(explainer, opened, monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(InputError, match="captum is not installed: pip install"):
        explainer(opened, 0, method="captum:Saliency")


@pytest.mark.slow
@pytest.mark.parametrize("name", list_captum_methods())
def test_captum_attributes(explainer, opened, name):
    pytest.importorskip("captum")
    state = torch.get_rng_state()
    found = explainer(opened, 1, method=f"captum:{name}", at="roi_heads.box_pooler")
    assert torch.equal(torch.get_rng_state(), state)
    assert "class_logits" in found.of  # the score of a place changes its detection
    if name == "InputXGradient":
        ours = explainer(opened, 1, of="logit", at="roi_heads.box_pooler")
        torch.testing.assert_close(found.heat, ours.heat)
    assert found.heat.isfinite().all()


def test_all_methods_have_a_description():
    assert all(list_methods().values())
