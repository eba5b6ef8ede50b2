"""From the predictions of queries to detected objects.

Legend: N images, Q queries.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

from torch import nn

from composer.ranges import Fraction, PositiveInt
from composer.structures import Boxes, ImageBatch, Instances
from composer_transformers.ports import QueryBoxes, QueryLogits
from composer_transformers.processors import build_processor

_WITH_LIMIT = ("ConditionalDetrImageProcessor", "DeformableDetrImageProcessor")


class Detected(NamedTuple):
    """Detections in the requested resolution.

    Attributes:
        instances: per image.
    """

    instances: list[Instances]


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
        outputs: Any = SimpleNamespace(logits=logits[-1].float(), pred_boxes=boxes[-1].float())
        sizes = batch.output_sizes
        if not sizes:
            return Detected([])
        limit = {"top_k": self.max_per_image} if self._takes_limit and self.max_per_image else {}
        found = self.processor.post_process_object_detection(
            outputs, threshold=self.score_threshold, target_sizes=sizes, **limit
        )
        return Detected([self._gather(one, size) for one, size in zip(found, sizes, strict=True)])

    @property
    def _takes_limit(self) -> bool:
        return type(self.processor).__name__ in _WITH_LIMIT

    def _gather(self, found: dict[str, Any], size: tuple[int, int]) -> Instances:
        order = found["scores"].argsort(descending=True, stable=True)[: self.max_per_image]
        return Instances(
            size,
            pred_boxes=Boxes(found["boxes"][order]),
            scores=found["scores"][order],
            pred_classes=found["labels"][order],
        )
