"""From the masks and classes of queries to segments, in the requested resolution.

Legend: N images, Q queries, R segments, H W the height and width of the output.
"""

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import Fraction, PositiveInt
from composer.structures import (
    BitMasks,
    ImageBatch,
    ImageList,
    Instances,
    PanopticSegmentation,
    SemanticScores,
)
from composer_transformers.detections import Detected
from composer_transformers.mask_ports import QueryMasks
from composer_transformers.ports import QueryLogits
from composer_transformers.processors import build_processor

_CONDITIONAL = "ConditionalDetrImageProcessor"
# These give each pixel to one instance at most.
_OF_DETR = ("DetrImageProcessor", _CONDITIONAL)


class QueryInstances(nn.Module):
    """Selects instances as an image processor of transformers does.

    Args:
        processor: the class of the processor, or a kind of model.
        score_threshold: instances with a lower score are dropped.
        num_classes: number of classes of things, the first ones; by default all are.
    """

    def __init__(
        self,
        *,
        processor: str,
        score_threshold: Fraction = 0.0,
        num_classes: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        self.processor = build_processor(processor, {})
        self.score_threshold = score_threshold
        self.num_classes = num_classes
        takes_maps = type(self.processor).__name__ not in _OF_DETR
        self._options = {"return_binary_maps": True} if takes_maps else {}

    def forward(
        self, logits: QueryLogits, masks: QueryMasks, images: ImageList, batch: ImageBatch
    ) -> Detected:
        """Returns the instances of each image, best first, with masks and the boxes around them.

        Args:
            logits: class logits; those after the last layer are used.
            masks: mask logits, likewise.
            images: for their padding, which is cut off.
            batch: the records with `height` and `width`.
        """
        classes = _with_no_object(logits, self.processor)
        num_labels = classes.shape[-1] - 1
        results = _process_each(
            self._process,
            (classes, masks, images, batch),
            threshold=self.score_threshold,
            **self._options,
        )
        sizes = batch.output_sizes
        found = [_gather_instances(*one, logits) for one in zip(results, sizes, strict=True)]
        if not found:
            return Detected([], [])
        numbers = [one.pred_classes for one in found]
        for one, number in zip(found, numbers, strict=True):
            one.set("pred_classes", number % num_labels)
        queries = [number.div(num_labels, rounding_mode="floor") for number in numbers]
        if self.num_classes is None:
            return Detected(found, queries)
        things = [one.pred_classes < self.num_classes for one in found]
        return Detected(
            [one[chosen] for one, chosen in zip(found, things, strict=True)],
            [one[chosen] for one, chosen in zip(queries, things, strict=True)],
        )

    def _process(self, outputs: Any, **options: Any) -> Any:
        """What the processor makes of an image, with labels that have the query, too."""
        numbered = _name_outputs(_number_labels(outputs.logits), outputs.pred_masks)
        return self.processor.post_process_instance_segmentation(numbered, **options)


class QuerySemantics(nn.Module):
    """Adds up the masks of all queries by class, as an image processor of transformers does.

    Args:
        processor: the class of the processor, or a kind of model.
    """

    def __init__(self, *, processor: str) -> None:
        super().__init__()
        self.processor = build_processor(processor, {})

    def forward(
        self, logits: QueryLogits, masks: QueryMasks, images: ImageList, batch: ImageBatch
    ) -> list[SemanticScores]:
        """Returns the scores of the classes of each pixel.

        Args:
            logits: class logits; those after the last layer are used.
            masks: mask logits, likewise.
            images: for their padding, which is cut off.
            batch: the records with `height` and `width`.
        """
        results = _process_each(
            self.processor.post_process_semantic_segmentation,
            (logits, masks, images, batch),
            return_segmentation_scores=True,
        )
        return [result["segmentation_scores"] for result in results]


class QueryPanoptics(nn.Module):
    """Gives each pixel to a segment, as an image processor of transformers does.

    Args:
        processor: the class of the processor, or a kind of model.
        stuff_classes: classes whose regions are one segment of an image each; all others are
            things.
        num_classes: number of classes of things, where further ones are those of stuff, which are
            numbered from 0 then; by default all have one numbering.
        score_threshold: segments with a lower score are dropped.
        overlap_threshold: segments of which less than this part is left are dropped.
    """

    def __init__(
        self,
        *,
        processor: str,
        stuff_classes: tuple[int, ...] = (),
        num_classes: PositiveInt | None = None,
        score_threshold: Fraction = 0.5,
        overlap_threshold: Fraction = 0.8,
    ) -> None:
        super().__init__()
        self.processor = build_processor(processor, {})
        self.stuff_classes = frozenset(stuff_classes)
        self.num_classes = num_classes
        self.score_threshold = score_threshold
        self.overlap_threshold = overlap_threshold

    def forward(
        self, logits: QueryLogits, masks: QueryMasks, images: ImageList, batch: ImageBatch
    ) -> list[PanopticSegmentation]:
        """Returns the segments of each image.

        Args:
            logits: class logits; those after the last layer are used.
            masks: mask logits, likewise.
            images: for their padding, which is cut off.
            batch: the records with `height` and `width`.
        """
        classes = _with_no_object(logits, self.processor)
        results = _process_each(
            self.processor.post_process_panoptic_segmentation,
            (classes, masks, images, batch),
            threshold=self.score_threshold,
            overlap_mask_area_threshold=self.overlap_threshold,
            label_ids_to_fuse=self._find_stuff(classes.shape[-1] - 1),
        )
        return [self._gather(result) for result in results]

    def _find_stuff(self, num_labels: int) -> set[int]:
        """The model's numbers of the classes of stuff."""
        first = num_labels if self.num_classes is None else self.num_classes
        return {*self.stuff_classes, *range(first, num_labels)}

    def _describe(self, label: int) -> dict[str, Any]:
        if self.num_classes is not None and label >= self.num_classes:
            return {"category_id": label - self.num_classes, "isthing": False}
        return {"category_id": label, "isthing": label not in self.stuff_classes}

    def _gather(self, result: dict[str, Any]) -> PanopticSegmentation:
        ids = result["segmentation"].to(torch.int32)
        segments = [
            {"id": one["id"], **self._describe(one["label_id"]), "score": one["score"]}
            for one in result["segments_info"]
        ]
        for number, one in enumerate(segments):
            one |= (
                {"instance_id": number}
                if one["isthing"]
                else {"area": int((ids == one["id"]).sum())}
            )
        return PanopticSegmentation(ids.clamp(min=0), segments)


def _with_no_object(logits: QueryLogits, processor: Any) -> QueryLogits:
    """Class logits of which the last is that of no object.

    Conditional DETR has no such class, though its processor drops segments of the last one.
    """
    if type(processor).__name__ != _CONDITIONAL:
        return logits
    return F.pad(logits, (0, 1), value=-math.inf)


def _process_each(
    process: Callable[..., list[Any]],
    values: tuple[QueryLogits, QueryMasks, ImageList, ImageBatch],
    **options: Any,
) -> Iterator[Any]:
    """What a processor makes of each image, in its requested size."""
    logits, masks, images, batch = values
    for index, size in enumerate(batch.output_sizes):
        outputs = _pick(logits, masks, images, index)
        (result,) = process(outputs, target_sizes=[size], **options)
        yield result


def _pick(logits: QueryLogits, masks: QueryMasks, images: ImageList, index: int) -> Any:
    """The predictions for one image without its padding, after the last layer."""
    chosen = masks[-1][index : index + 1].float()
    padded = (images.tensor.shape[-2], images.tensor.shape[-1])
    height, width = images.image_sizes[index]
    if (height, width) != padded:
        chosen = F.interpolate(chosen, size=padded, mode="bilinear", align_corners=False)
        chosen = chosen[:, :, :height, :width]
    return _name_outputs(logits[-1][index : index + 1].float(), chosen)


def _name_outputs(classes: Float[Tensor, "N Q _"], masks: Float[Tensor, "N Q _ _"]) -> Any:
    return SimpleNamespace(
        class_queries_logits=classes,
        masks_queries_logits=masks,
        logits=classes,  # as DETR calls them
        pred_masks=masks,
    )


def _number_labels(logits: Float[Tensor, "N Q _"]) -> Float[Tensor, "N Q _"]:
    """Class logits in which each query has classes of its own; the last is that of no object.

    A processor's results have labels, but not the queries that they are of.
    """
    num_images, num_queries, num_labels = logits.shape
    own = torch.arange(num_queries, device=logits.device)
    numbered = logits.new_full((num_images, num_queries, num_queries, num_labels - 1), -math.inf)
    numbered[:, own, own] = logits[..., :-1]
    return torch.cat([numbered.flatten(2), logits[..., -1:]], dim=2)


def _gather_instances(result: dict[str, Any], size: tuple[int, int], like: Tensor) -> Instances:
    segments = result["segments_info"]
    scores = like.new_tensor([one["score"] for one in segments])
    classes = torch.tensor(
        [one["label_id"] for one in segments], dtype=torch.int64, device=like.device
    )
    masks = like.new_zeros((0, *size), dtype=torch.bool)
    if segments:
        found: Tensor = result["segmentation"].to(like.device)
        if found.ndim == 2:  # the numbers of segments
            found = found == found.new_tensor([one["id"] for one in segments])[:, None, None]
        masks = found.to(torch.bool)
    order = scores.argsort(descending=True, stable=True)
    return Instances(
        size,
        pred_boxes=BitMasks(masks[order]).get_bounding_boxes(),
        scores=scores[order],
        pred_classes=classes[order],
        pred_masks=masks[order],
    )
