"""Mask R-CNN by hand: the graph's own modules, called as a plain `forward` would call them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from composer import Graph
from composer.layers import FrozenBatchNorm2d

_PHOTOGRAPH = Path(__file__).parents[1] / "specs" / "examples" / "astronaut.jpg"
RESIDUAL, SPREAD = 0.3, 1.5


def build(**params: Any) -> Graph:
    """Mask R-CNN R50-FPN with random weights, as it ships."""
    return Graph.from_spec("mask_rcnn_r50_fpn", seed=0, **params)


def example_batch(height: int, width: int) -> list[dict[str, Any]]:
    """One image of noise (CHW, uint8)."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, height, width)
    image = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return [{"image": image, "height": height, "width": width}]


def photograph(side: int) -> list[dict[str, Any]]:
    """One photograph, scaled to a square (BGR, CHW, uint8)."""
    with Image.open(_PHOTOGRAPH) as opened:
        scaled = opened.convert("RGB").resize((side, side))
    image = torch.from_numpy(np.asarray(scaled)[:, :, ::-1].copy()).permute(2, 0, 1).contiguous()
    return [{"image": image, "height": side, "width": side}]


def fit_weights(graph: Graph, batch: Any) -> None:
    """Gives random weights the sizes of trained ones: features of order one, scores that differ.

    Frozen normalisations get the statistics of a batch, and the last one of each residual block a
    part of the weight, as its output is added to what there is.
    """
    for name, norm in graph.named_modules():
        if name.endswith("conv3.norm"):
            norm.weight = norm.weight * RESIDUAL
    norms = [each for each in graph.modules() if isinstance(each, FrozenBatchNorm2d)]
    handles = [norm.register_forward_pre_hook(_fit_norm) for norm in norms]
    with torch.no_grad():
        features = graph.run(batch, until="backbone")
        for handle in handles:
            handle.remove()
        logits = graph.run(batch, until="box_predictor.class_logits", feeds={"backbone": features})
        graph.module("box_predictor").get_submodule("cls_score").weight.mul_(SPREAD / logits.std())


def _fit_norm(norm: Any, given: tuple[Any, ...]) -> None:
    norm.running_mean = given[0].mean(dim=(0, 2, 3))
    norm.running_var = given[0].var(dim=(0, 2, 3))


class ByHand:
    """What somebody would write without a graph.

    Args:
        graph: where the modules come from.
    """

    def __init__(self, graph: Graph) -> None:
        self.call = dict(graph.callables)

    def backbone(self, batch: Any) -> Any:
        """The feature pyramid."""
        call = self.call
        images = call["preprocess"](batch=_records(batch)).images
        features = call["backbone.bottom_up"](images=images)
        return call["backbone.fpn"](features=features)

    def forward(self, batch: Any) -> Any:
        """The whole model."""
        call, records = self.call, _records(batch)
        images = call["preprocess"](batch=records).images
        features = call["backbone.fpn"](features=call["backbone.bottom_up"](images=images))
        boxes = self.proposals(images, features)
        detections = self.detections(images, features, boxes)
        pooled = call["roi_heads.mask_pooler"](features=features, boxes=detections.boxes)
        del features
        logits = call["roi_heads.mask_head"](x=pooled)
        del pooled
        masks = call["roi_heads.masks"](mask_logits=logits, classes=detections.classes)
        del logits
        instances = call["roi_heads.instances"](
            images=images,
            boxes=detections.boxes,
            scores=detections.scores,
            classes=detections.classes,
            masks=masks,
        )
        return call["postprocess"](instances=instances, batch=records).instances

    def proposals(self, images: Any, features: Any) -> Any:
        """The boxes of the proposal generator."""
        call = self.call
        anchors = call["proposal_generator.anchors"](features=features)
        found = call["proposal_generator.rpn_head"](features=features)
        return call["proposal_generator.proposals"](
            images=images, anchors=anchors, objectness=found.objectness, deltas=found.deltas
        ).boxes

    def detections(self, images: Any, features: Any, boxes: Any) -> Any:
        """What the box branch finds."""
        call = self.call
        pooled = call["roi_heads.box_pooler"](features=features, boxes=boxes)
        x = call["roi_heads.box_head"](x=pooled)
        del pooled
        found = call["roi_heads.box_predictor"](x=x)
        return call["roi_heads.detections"](
            boxes=boxes,
            class_logits=found.class_logits,
            box_deltas=found.box_deltas,
            images=images,
        )


def _records(batch: Any) -> Any:
    from composer.structures import ImageBatch

    return ImageBatch.from_records(batch)
