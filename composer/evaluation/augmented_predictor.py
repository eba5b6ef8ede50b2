"""Test-time augmentation: predictions on an image in several sizes and mirrored, merged.

Each view is run and padded alone; detectron2 pads several views of an image together.

Legend: R detections, M the side of a mask, C channels, H W the image's height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from composer.data import choose_size, resize_image
from composer.errors import InputError, NameResolutionError
from composer.graph import Graph, device_of
from composer.ops import batched_nms
from composer.structures import Boxes, Instances


@dataclass(frozen=True)
class View:
    """An image resized and possibly mirrored.

    Args:
        size: (height, width) that the image is resized to.
        full_size: (height, width) of the image itself.
        is_mirrored: whether it is flipped horizontally.
    """

    size: tuple[int, int]
    full_size: tuple[int, int]
    is_mirrored: bool

    def show(self, image: Shaped[Tensor, "C H W"]) -> Shaped[Tensor, "C _ _"]:
        """Resizes and flips an image."""
        resized = _resize(image, self.size)
        return resized.flip(-1) if self.is_mirrored else resized

    def place(self, boxes: Boxes) -> Boxes:
        """Transforms boxes of the image to the view."""
        height, width = self.full_size
        scaled = boxes.scale(self.size[1] / width, self.size[0] / height)
        return _mirror(scaled, self.size[1]) if self.is_mirrored else scaled

    def take_back(self, boxes: Boxes) -> Boxes:
        """Transforms boxes of the view to the image."""
        height, width = self.full_size
        upright = _mirror(boxes, self.size[1]) if self.is_mirrored else boxes
        return upright.scale(width / self.size[1], height / self.size[0]).clip(self.full_size)


def _mirror(boxes: Boxes, width: int) -> Boxes:
    x0, y0, x1, y1 = boxes.tensor.unbind(1)
    return Boxes(torch.stack((width - x1, y0, width - x0, y1), dim=1))


def _resize(image: Shaped[Tensor, "C H W"], size: tuple[int, int]) -> Shaped[Tensor, "C _ _"]:
    """Bytes are resized as image files are, other values by torch."""
    if image.dtype != torch.uint8 or image.shape[0] != 3:
        return torch.nn.functional.interpolate(
            image[None].float(), size, mode="bilinear", antialias=True
        )[0]
    return resize_image(image.cpu(), size, exact=True).contiguous().to(image.device)


TEST_SIZES = (400, 500, 600, 700, 800, 900, 1000, 1100, 1200)

_PORTS = ("boxes", "scores", "classes")


class _Found(NamedTuple):
    """Detections in an image's own pixels."""

    boxes: Boxes
    scores: Float[Tensor, "R"]
    classes: Tensor


class AugmentedPredictor:
    """A detector with test-time augmentation.

    Boxes of all views are merged by non-maximum suppression, class by class. Then the merged boxes
    are fed into each view's mask branch, and their masks averaged: two partial runs of the graph,
    neither of which computes more than it needs. Other outputs (keypoints, semantic segmentation)
    come from one view, on the merged boxes.

    It is called with a batch, as a graph is. Records have their images in full size: the views
    resize them.

    Args:
        graph: a detector with a node `detections` that returns boxes, scores and classes, and
            maybe a node `masks`.
        sizes: the views' shorter sides, in pixels.
        flip: add a mirrored view of each size.
        longest_edge: limit of a view's longer side.
        nms_threshold: of the merged boxes; by default as in the graph.
        max_per_image: number of merged boxes; by default as in the graph.

    Raises:
        InputError: the graph has no such node, or resizes images itself.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        sizes: Sequence[int] = TEST_SIZES,
        flip: bool = True,
        longest_edge: int = 4000,
        nms_threshold: float | None = None,
        max_per_image: int | None = None,
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise InputError(f"sizes of views are positive numbers of pixels, not {list(sizes)}")
        self.graph = graph
        self._detections = _find_detections(graph)
        self._masks = _find_node(graph, "masks")
        config = graph.blueprint.nodes[self._detections].config
        self._nms_threshold = config.get("nms_threshold", 0.5)
        if nms_threshold is not None:
            self._nms_threshold = nms_threshold
        self._max_per_image = max_per_image or config.get("max_per_image", 100)
        self._sizes = tuple(sizes)
        self._mirrors = (False, True) if flip else (False,)
        self._longest_edge = longest_edge

    @torch.no_grad()
    def __call__(self, batch: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Predicts a batch; outputs are those of the graph."""
        device = device_of(self.graph)
        return [self._predict({**one, "image": one["image"].to(device)}) for one in batch]

    def _make_views(self, height: int, width: int) -> list[View]:
        """The views of an image of that size; the first is not mirrored."""
        sizes = dict.fromkeys(
            choose_size(height, width, shortest, self._longest_edge) for shortest in self._sizes
        )
        return [
            View(size, (height, width), is_mirrored)
            for is_mirrored in self._mirrors
            for size in sizes
        ]

    def _predict(self, record: dict[str, Any]) -> dict[str, Any]:
        height, width = record["image"].shape[-2:]
        views = self._make_views(height, width)
        merged = self._merge([self._detect(record, view) for view in views])
        # Other outputs come from the largest view that is not mirrored.
        main = max((view for view in views if not view.is_mirrored), key=lambda view: view.size)
        feeds = self._feeds(merged, main)
        if self._masks is not None:
            feeds[self._masks] = [self._average_masks(record, merged, views)]
        size = {"height": height, "width": width}
        outputs: list[dict[str, Any]] = self.graph.run(
            [{**size, **_apply_view(record, main)}], feeds=feeds, mode="inference"
        )
        return outputs[0]

    def _detect(self, record: dict[str, Any], view: View) -> _Found:
        """Detections in a view, in the image's pixels."""
        names = [f"{self._detections}.{port}" for port in _PORTS]
        found = self.graph.run([_apply_view(record, view)], until=names, mode="inference")
        boxes, scores, classes = (found[name][0] for name in names)
        if not isinstance(boxes, Boxes):
            raise InputError("views of rotated boxes cannot be merged")
        return _Found(view.take_back(boxes), scores, classes)

    def _merge(self, found: Sequence[_Found]) -> _Found:
        """The best of the detections of all views."""
        boxes = Boxes.cat([one.boxes for one in found])
        scores = torch.cat([one.scores for one in found])
        classes = torch.cat([one.classes for one in found])
        kept = batched_nms(boxes.tensor, scores, classes, self._nms_threshold)
        kept = kept[: self._max_per_image]
        return _Found(boxes[kept], scores[kept], classes[kept])

    def _average_masks(
        self, record: dict[str, Any], merged: _Found, views: Sequence[View]
    ) -> Float[Tensor, "R 1 M M"]:
        """The mean of the views' mask probabilities of the merged detections."""
        assert self._masks is not None
        total: Tensor | None = None
        for view in views:
            feeds = self._feeds(merged, view)
            masks = self.graph.run(
                [_apply_view(record, view)], until=self._masks, feeds=feeds, mode="inference"
            )[0]
            upright = masks.flip(-1) if view.is_mirrored else masks
            total = upright if total is None else total + upright
        assert total is not None
        return total / len(views)

    def _feeds(self, merged: _Found, view: View) -> dict[str, Any]:
        values = merged._replace(boxes=view.place(merged.boxes))
        return {f"{self._detections}.{p}": [v] for p, v in zip(_PORTS, values, strict=True)}


def _find_detections(graph: Graph) -> str:
    """The path of the node `detections`.

    Raises:
        InputError: there is none, or the graph resizes images itself.
    """
    path = _find_node(graph, "detections")
    node = None if path is None else graph.blueprint.nodes.get(path)
    if path is None or node is None or not set(_PORTS) <= set(node.outputs):
        raise InputError(
            f"'{graph.spec.name}' has no node 'detections' that returns boxes, scores and "
            "classes, which test-time augmentation merges"
        )
    if all(given.image.shortest_edge == 0 for given in graph.spec.graph.inputs.values()):
        raise InputError(f"'{graph.spec.name}' resizes images itself, so it takes no other sizes")
    return path


def _find_node(graph: Graph, name: str) -> str | None:
    try:
        return graph.resolve_node(name)
    except NameResolutionError:
        return None


def _apply_view(record: dict[str, Any], view: View) -> dict[str, Any]:
    """A record with image and proposals of a view, without ground truth."""
    kept = {
        key: value
        for key, value in record.items()
        if key in ("height", "width", "file_name", "image_id")
    }
    if (proposals := record.get("proposals")) is not None:
        fields = {**proposals.get_fields(), "proposal_boxes": view.place(proposals.proposal_boxes)}
        kept["proposals"] = Instances(view.size, **fields)
    return {**kept, "image": view.show(record["image"])}
