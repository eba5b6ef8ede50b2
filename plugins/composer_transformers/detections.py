"""From the predictions of queries to detected objects.

Legend: N images, Q queries.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import Fraction, PositiveInt
from composer.structures import Boxes, ImageBatch, Indices, Instances
from composer_transformers.ports import QueryBoxes, QueryLogits
from composer_transformers.processors import build_processor

_WITH_LIMIT = ("ConditionalDetrImageProcessor", "DeformableDetrImageProcessor")


class Detected(NamedTuple):
    """Detections in the requested resolution.

    Attributes:
        instances: per image.
        query_indices: for each of them, the index of its query.
    """

    instances: list[Instances]
    query_indices: list[Indices]


class QueryDetections(nn.Module):
    """Selects detections as an image processor of transformers does, and scales their boxes.

    Nothing is clipped, and no box suppresses another.

    Args:
        processor: the class of the processor (`DetrImageProcessor`), or a kind of model.
        score_threshold: detections with a lower score are dropped.
        max_per_image: at most this many of an image, the best; all by default.
    """

    def __init__(
        self,
        *,
        processor: str,
        score_threshold: Fraction = 0.0,
        max_per_image: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        self.processor = build_processor(processor, {})
        self.score_threshold = score_threshold
        self.max_per_image = max_per_image

    def forward(self, logits: QueryLogits, boxes: QueryBoxes, batch: ImageBatch) -> Detected:
        """Returns the detections of each image at the height and width that its record asks for.

        Args:
            logits: class logits; those after the last layer are used.
            boxes: boxes, likewise.
            batch: the records.
        """
        sizes = batch.output_sizes
        if not sizes:
            return Detected([], [])
        last = logits[-1].float()
        found = self._select(last, boxes[-1].float(), sizes)
        # The classes alone decide what is selected, so boxes may as well be numbers of queries.
        numbered = self._select(last, _number_queries(last), [(1, 1)] * len(sizes))
        instances = [self._gather(one, size) for one, size in zip(found, sizes, strict=True)]
        indices = [one["boxes"][self._order(one), 0].round().long() for one in numbered]
        return Detected(instances, indices)

    def _select(
        self, logits: Tensor, boxes: Tensor, sizes: list[tuple[int, int]]
    ) -> list[dict[str, Any]]:
        outputs: Any = SimpleNamespace(logits=logits, pred_boxes=boxes)
        limit = {"top_k": self.max_per_image} if self._takes_limit and self.max_per_image else {}
        found: list[dict[str, Any]] = self.processor.post_process_object_detection(
            outputs, threshold=self.score_threshold, target_sizes=sizes, **limit
        )
        return found

    @property
    def _takes_limit(self) -> bool:
        return type(self.processor).__name__ in _WITH_LIMIT

    def _order(self, found: dict[str, Any]) -> Tensor:
        scores: Tensor = found["scores"]
        return scores.argsort(descending=True, stable=True)[: self.max_per_image]

    def _gather(self, found: dict[str, Any], size: tuple[int, int]) -> Instances:
        order = self._order(found)
        return Instances(
            size,
            pred_boxes=Boxes(found["boxes"][order]),
            scores=found["scores"][order],
            pred_classes=found["labels"][order],
        )


def _number_queries(logits: Float[Tensor, "N Q _"]) -> Float[Tensor, "N Q 4"]:
    """Boxes without extent whose first coordinate is the index of their query."""
    numbers = torch.arange(logits.shape[1], device=logits.device, dtype=torch.float32)
    boxes = numbers.new_zeros((*logits.shape[:2], 4))
    boxes[..., 0] = numbers
    return boxes
