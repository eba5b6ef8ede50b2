"""Whole detectors as one ONNX file, run in onnxruntime."""

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import ExportError
from composer.structures import ImageList

pytest.importorskip("onnxscript", reason="the extra 'onnxruntime' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'onnxruntime' is not installed")

pytestmark = pytest.mark.slow

SMALL = {"depth": 18, "backbone.bottom_up.res2_out_channels": 64}
_LAYERS = {
    **dict.fromkeys(("cls_score", "objectness_logits", "predictor", "ctrness"), 2.0),
    **dict.fromkeys(("score_lowres", "predictors"), 2.0),
    **dict.fromkeys(("bbox_pred", "anchor_deltas"), 0.3),
}
_KINDS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_RARE = ("head.cls_score",)  # of dense detectors, whose scores have no background


def images():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 255, (3, 90, 120), dtype=torch.uint8, generator=generator)
    return [{"image": noise}, {"image": torch.zeros(3, 50, 70, dtype=torch.uint8)}]


def spread_predictions(graph, record):
    """Scales the weights of predictors, so that scores differ by more than the last digit."""

    def scale(module, name):
        def hook(_module, args, out):
            if name in scaled or not len(out):  # by its finest level
                return
            scaled.add(name)
            spread = (out - (0 if module.bias is None else _as_map(module.bias, out))).std()
            if spread > 0:
                module.weight.data.mul_(_LAYERS[_find_layer(name)] / spread)
            if name in _RARE:
                module.bias.data.fill_(-3.0)

        return hook

    scaled, handles = set(), []
    for name, module in graph.named_modules():
        if _find_layer(name) in _LAYERS and isinstance(module, _KINDS):
            handles.append(module.register_forward_hook(scale(module, name)))
    with torch.no_grad():
        graph.run([record])
    for handle in handles:
        handle.remove()


def _find_layer(name):
    """The name of a layer, or of the group of layers with one for each level."""
    *_, group, last = ["", *name.split(".")]
    return group if group in _LAYERS else last


def _as_map(bias, out):
    return bias.reshape(1, -1, *(1,) * (out.ndim - 2))


def export(model, tmp_path, **settings):
    usual = SMALL if "r50" in model else {}
    graph = Graph.from_spec(model, set={**usual, **settings})
    spread_predictions(graph, images()[0])
    return graph, graph.export(tmp_path / "m.onnx", inputs=images())


@pytest.mark.parametrize(
    ("model", "settings", "num_runs"),
    [
        ("retinanet_r50_fpn", {}, 4),
        ("fcos_r50_fpn", {"score_threshold": 0.05}, 4),
        ("keypoint_rcnn_r50_fpn", {"keypoint_conv_dim": 16}, 3),
        (
            "cascade_mask_rcnn_cspnet_fpn",
            {"fc_dim": 32, "roi_heads.detections.objectness_exponent": 0.1},
            3,
        ),
        ("cascade_mask_rcnn_r50_fpn", {}, 4),
        (
            "panoptic_r50_fpn",
            {"panoptic.instances_confidence_threshold": 0.2, "panoptic.stuff_area_limit": 40},
            4,
        ),
    ],
)
def test_a_detector_gives_the_same_in_onnxruntime(model, settings, num_runs, tmp_path):
    _, report = export(model, tmp_path, **settings)
    assert report.num_examples == num_runs  # a fourth where the others have as many regions
    assert max(each.error for each in report.checked) < 1e-3
    assert any(each.rows > 0 for each in report.checked) or "panoptic" in model


def test_an_image_without_detections_gives_none(tmp_path):
    import onnxruntime

    graph = Graph.from_spec("mask_rcnn_r50_fpn", set={**SMALL, "score_threshold": 1.0})
    graph.export(tmp_path / "m.onnx", inputs=images()[:1])
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    for size in ((33, 47), (64, 64)):
        image = torch.zeros(1, 3, *size, dtype=torch.uint8).numpy()
        outputs = dict(
            zip(
                (output.name for output in session.get_outputs()),
                session.run(None, {"batch": image}),
                strict=True,
            )
        )
        assert outputs["postprocess.instances.pred_boxes"].shape == (0, 4)
        assert outputs["postprocess.instances.pred_masks"].shape == (0, *size)


def test_a_node_that_cannot_be_exported_is_named(tmp_path):
    graph = Graph.from_spec("rotated_faster_rcnn_r50_fpn", set=SMALL)
    with pytest.raises(ExportError, match=r"node 'proposal_generator.anchors'.*|node '.*'"):
        graph.export(tmp_path / "m.onnx", inputs=images()[:1])
    assert not list(tmp_path.iterdir())


def test_a_dense_part_takes_any_batch_and_size(tmp_path):
    import onnxruntime

    graph = Graph.from_spec("mask_rcnn_r50_fpn", set=SMALL)
    file = tmp_path / "m.onnx"
    report = graph.export(
        file, until="backbone", feeds=["preprocess.images"], inputs=images()[:1], opset=20
    )
    assert next(each.name for each in report.checked) == "backbone.fpn.p2"
    session = onnxruntime.InferenceSession(file)
    maps = session.run(None, {"preprocess.images": torch.rand(3, 3, 64, 128).numpy()})
    assert maps[0].shape == (3, 256, 16, 32)


def draw(images: ImageList, generator: torch.Generator) -> Tensor:
    return images.tensor + torch.rand((1, 1, 1, 1), generator=generator)


def test_a_node_that_draws_in_inference_is_named(tmp_path):
    preprocess = {"uses": "preprocess", "inputs": {"batch": "batch"}}
    noise = {"uses": "draw", "inputs": {"images": "preprocess.images"}}
    spec = {"composer": 1, "inputs": {"batch": "ImageBatch"}}
    spec["nodes"] = {"preprocess": preprocess, "noise": noise}
    graph = Graph.from_spec(spec, nodes={"draw": draw})
    with pytest.raises(ExportError, match=r"node 'noise'.* it draws random numbers in inference"):
        graph.export(tmp_path / "m.onnx", until="noise", inputs=images())


def test_an_operation_without_a_form_is_named_and_nothing_is_printed(tmp_path, capfd):
    graph = Graph.from_spec("mask_rcnn_r50_fpn_dconv", until="backbone")
    with pytest.raises(ExportError, match=r"node 'backbone.bottom_up'.*torchvision::deform_conv2d"):
        graph.export(tmp_path / "m.onnx", until="backbone", inputs=images()[1:], opset=18)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
