"""The Mask R-CNN of torchvision and of detectron2, with the weights of a graph of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from benchmarks.inference_ways import Runner, list_ways
from benchmarks.mask_rcnn import RESIDUAL, SPREAD
from composer import Graph
from composer.structures import BitMasks, Boxes, Instances

_SPEC = "torchvision/maskrcnn_resnet50_fpn"
_CONFIG = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


def list_references(
    graph: Graph, batch: Any, chosen: Sequence[str]
) -> Iterator[tuple[str, Any, list[Runner]]]:
    """Other people's models, each with its batch and the ways of a graph of the same weights.

    Args:
        graph: detectron2's Mask R-CNN as a graph.
        batch: what they run on.
        chosen: as for `list_ways`.
    """
    scaled = [{**record, "image": record["image"].flip(0) / 255} for record in batch]  # RGB, to 1
    yield "torchvision", scaled, _list_torchvision(scaled, chosen)
    found = _find_detectron2(graph)
    if found is None:
        print("\ndetectron2 is not installed")
    else:
        yield "detectron2", batch, [found, *list_ways(graph, batch, chosen)]


def _list_torchvision(batch: Any, chosen: Sequence[str]) -> list[Runner]:
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    side = int(batch[0]["image"].shape[-1])
    torch.manual_seed(0)
    model = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, min_size=side, max_size=side
    ).eval()
    _fit_torchvision(model, _read_images(batch))

    def run(given: Any) -> Instances:
        (found,) = model(_read_images(given))
        return Instances(
            tuple(given[0]["image"].shape[1:]),
            pred_boxes=Boxes(found["boxes"]),
            scores=found["scores"],
            pred_classes=found["labels"],
            pred_masks=BitMasks(found["masks"][:, 0] > 0.5),
        )

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "torchvision.pth"
        torch.save(model.state_dict(), file)
        settings = {
            "backbone_norm_eps": 1e-5,
            "preprocess.min_size": [side],
            "preprocess.max_size": side,
        }
        graph = Graph.from_spec(_SPEC, weights=file, set=settings).eval()
    return [Runner("torchvision's own", run), *list_ways(graph, batch, chosen)]


def _read_images(batch: Any) -> list[torch.Tensor]:
    return [record["image"] for record in batch]


def _fit_torchvision(model: Any, images: list[torch.Tensor]) -> None:
    """Gives random weights the sizes of trained ones, as `fit_weights` does."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None
        if isinstance(layer, Bottleneck):
            nn.init.constant_(layer.bn3.weight, RESIDUAL)
    predictor = model.roi_heads.box_predictor
    logits: list[torch.Tensor] = []
    with torch.no_grad():
        model.train()
        model.backbone(model.transform(images)[0].tensors)
        model.eval()
        handle = predictor.cls_score.register_forward_hook(lambda *call: logits.append(call[2]))
        model(images)
        handle.remove()
        predictor.cls_score.weight.mul_(SPREAD / logits[0].std())


def _find_detectron2(graph: Graph) -> Runner | None:
    """detectron2's own model; None where it is not installed."""
    try:
        from detectron2 import model_zoo  # type: ignore[import-not-found]
        from detectron2.modeling import build_model  # type: ignore[import-not-found]
    except ImportError:
        return None
    config = model_zoo.get_config(_CONFIG)
    config.MODEL.DEVICE = "cpu"
    model = build_model(config).eval()
    model.load_state_dict(graph.state_dict(), strict=False)

    def run(batch: Any) -> Instances:
        found = model(batch)[0]["instances"]
        return Instances(
            found.image_size,
            pred_boxes=Boxes(found.pred_boxes.tensor),
            scores=found.scores,
            pred_classes=found.pred_classes,
            pred_masks=BitMasks(found.pred_masks),
        )

    return Runner("detectron2's own", run)
