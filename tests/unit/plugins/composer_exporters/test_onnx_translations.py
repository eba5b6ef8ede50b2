"""Detectors whose node types publish translations of their own, small, run in onnxruntime."""

import pytest
import torch
from torch import nn

from composer import Graph
from composer.errors import ExportError
from specs.region_detectors import build
from specs.test_point_rend import BACKBONE, MASKS, PIXELS
from specs.test_torchvision import build as build_torchvision

pytest.importorskip("onnxscript", reason="the extra 'onnxruntime' is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra is not installed")

pytestmark = pytest.mark.slow

PREDICTORS = ("cls_score", "objectness_logits", "predictor", "score_lowres", "prediction")
OFFSETS = ("bbox_pred", "anchor_deltas", "conv2_offset")


def images(scale=1):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 255, (3, 90, 120), dtype=torch.uint8, generator=generator)
    other = torch.randint(0, 255, (3, 50, 70), dtype=torch.uint8, generator=generator)
    return [{"image": noise * scale}, {"image": other * scale}]


def spread(graph, image):
    """Draws the weights of predictors, so that their values differ by more than the last digit."""

    def draw(module, args):
        if not hasattr(module, "is_drawn"):  # by its finest level
            module.is_drawn = True
            size = args[0].square().mean().sqrt() * module.weight[0].numel() ** 0.5
            nn.init.normal_(module.weight, std=float(drawn[module] / size.clamp(min=1e-3)))

    drawn, handles = {}, []
    for name, module in graph.named_modules():
        last = name.rpartition(".")[2]
        wanted = 2.0 if last in PREDICTORS or "module_list" in name else 0.3
        is_one = last in (*PREDICTORS, *OFFSETS) or "module_list" in name
        if is_one and isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            drawn[module] = wanted
            handles.append(module.register_forward_pre_hook(draw))
        if last == "predictor" and getattr(module, "bias", None) is not None:
            nn.init.constant_(module.bias, 0.1)  # a mask without features is no tie of 0 and 1
    torch.manual_seed(0)
    with torch.no_grad():
        graph.eval().run([image])
    for handle in handles:
        handle.remove()
    return graph


def run_file(file, image):
    session = onnxruntime.InferenceSession(file)
    names = [output.name for output in session.get_outputs()]
    values = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    return dict(zip(names, values, strict=True))


def check(graph, file, *, scale=1, opset=None):
    """Exports a model, and runs the file on a size that the check did not have."""
    spread(graph, images(scale)[0])
    report = graph.export(file, inputs=images(scale), opset=opset)
    assert sum(each.unmatched for each in report.checked) == 0
    generator = torch.Generator().manual_seed(1)
    other = torch.randint(0, 256, (1, 3, 71, 57), dtype=torch.uint8, generator=generator)
    found = {n: torch.from_numpy(value) for n, value in run_file(file, other).items()}
    if "postprocess.instances.pred_boxes" in found:
        assert any(each.rows > 0 for each in report.checked)
        fields = graph([{"image": other[0] * scale}])[0]["instances"].get_fields()
        assert len(fields["scores"]) > 0
        for name, value in fields.items():
            expected = getattr(value, "tensor", value).detach()
            given = found[f"postprocess.instances.{name}"]
            torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("ssdlite320_mobilenet_v3_large", 1),
        ("maskrcnn_resnet50_fpn", 1 / 255),
        ("keypointrcnn_resnet50_fpn", 1),
    ],
)
def test_detectors_of_torchvision_are_one_file(name, scale, tmp_path):
    check(build_torchvision(name, seed=0), tmp_path / "m.onnx", scale=scale)


def test_a_pooler_of_maxima_has_a_translation(tmp_path):
    given = {"pooler_type": "ROIPool", "score_threshold": 0.05}
    check(build("faster_rcnn_r50_fpn", set=given, seed=0), tmp_path / "m.onnx")


@pytest.mark.parametrize("opset", [18, 20])
def test_masks_of_points_are_one_file(opset, tmp_path):
    few = {"rpn_post_nms_topk_inference": 30}  # of which no limit cuts off the last
    graph = Graph.from_spec("point_rend_r50_fpn", **MASKS, **few, seed=0)
    check(graph, tmp_path / "m.onnx", opset=opset)


def test_segments_of_points_are_one_file(tmp_path):
    check(Graph.from_spec("point_rend_semantic_r101_fpn", **PIXELS), tmp_path / "m.onnx")


DEFORMABLE = {**BACKBONE, "res2_out_channels": 8, "deform_on_per_stage": [False, True, True, True]}


def test_deformable_convolutions_need_operators_of_version_19(tmp_path):
    given = {"depth": 50, "stem_out_channels": 4, "res2_out_channels": 8, "width_per_group": 2}
    graph = Graph.from_spec(
        "mask_rcnn_r50_fpn_dconv", until="backbone.bottom_up", set={**given}, seed=0
    )
    part = {"until": "backbone.bottom_up", "feeds": ["preprocess.images"], "inputs": images()}
    with pytest.raises(ExportError, match=r"deform_conv2d has a form from --opset 19 on"):
        graph.export(tmp_path / "m.onnx", **part, opset=18)
    spread(graph, images()[0])
    report = graph.export(tmp_path / "m.onnx", **part)
    assert max(each.error for each in report.checked) < 1e-3


@pytest.mark.parametrize("model", ["mask_rcnn_r50_fpn_gn", "point_rend_r50_fpn"])
def test_a_file_takes_images_without_detections(model, tmp_path):
    given = {"score_threshold": 1.0}
    if model == "point_rend_r50_fpn":
        graph = Graph.from_spec(model, **{**MASKS, **given})
    else:
        graph = build(model, **given)
    graph.export(tmp_path / "m.onnx", inputs=images()[:1])
    found = run_file(tmp_path / "m.onnx", torch.zeros(1, 3, 64, 80, dtype=torch.uint8))
    assert found["postprocess.instances.pred_masks"].shape == (0, 64, 80)
