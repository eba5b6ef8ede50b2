"""Kinds of boxes with their operations: coding, suppression, overlap.

What proposals, samples and detections have in common does not depend on how a box is written: the
functions that select them take a kind of box, and work for upright and for rotated boxes alike.

Legend: B boxes, D numbers of a box. `_` is D offsets for each of several classes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeAlias

from pydantic import Field
from torch import Tensor

from composer.ops.box_coding import (
    decode_deltas,
    decode_rotated_deltas,
    encode_boxes,
    encode_rotated_boxes,
)
from composer.ops.nms import batched_nms, batched_nms_rotated
from composer.ranges import Positive
from composer.structures import (
    ROTATED_IOU_TOLERANCE,
    AnyBoxes,
    Boxes,
    RotatedBoxes,
    pairwise_iou,
    pairwise_iou_rotated,
)

# Of one kind or the other; the factor of an angle may be left out.
AnyBoxWeights: TypeAlias = Annotated[tuple[Positive, ...], Field(min_length=4, max_length=5)]


@dataclass(frozen=True)
class BoxKind(Generic[AnyBoxes]):
    """One way to write a box.

    Args:
        structure: holds boxes of this kind.
        dim: numbers of a box, and of what leads from one box to another.
        encode: (sources, targets, weights) -> offsets, all B x D.
        decode: (offsets B x _, sources B x D, weights) -> boxes B x _.
        suppress: (boxes B x D, scores, groups, threshold) -> kept positions.
        overlap: (boxes, boxes) -> intersection over union of every pair.
        overlap_tolerance: by how much overlaps that are equal may differ, as a share of the larger
            one.
    """

    structure: type[AnyBoxes]
    dim: int
    encode: Callable[..., Tensor]
    decode: Callable[..., Tensor]
    suppress: Callable[[Tensor, Tensor, Tensor, float], Tensor]
    overlap: Callable[[AnyBoxes, AnyBoxes], Tensor]
    overlap_tolerance: float

    def complete_weights(self, weights: Sequence[float]) -> tuple[float, ...]:
        """Returns a factor for each offset: 1 for an angle whose factor is left out.

        Raises:
            ValueError: there are more factors than offsets.
        """
        if len(weights) > self.dim:
            raise ValueError(
                f"box_weights are {len(weights)} factors, but {self.structure.__name__} have "
                f"{self.dim} offsets."
            )
        return (*weights, *[1.0] * (self.dim - len(weights)))


UPRIGHT = BoxKind(
    structure=Boxes,
    dim=4,
    encode=encode_boxes,
    decode=decode_deltas,
    suppress=batched_nms,
    overlap=pairwise_iou,
    overlap_tolerance=0.0,  # as in detectron2: equal anchors have equal numbers
)
ROTATED = BoxKind(
    structure=RotatedBoxes,
    dim=5,
    encode=encode_rotated_boxes,
    decode=decode_rotated_deltas,
    suppress=batched_nms_rotated,
    overlap=pairwise_iou_rotated,
    overlap_tolerance=ROTATED_IOU_TOLERANCE,
)


def find_box_kind(
    boxes: Iterable[Boxes | RotatedBoxes | Tensor], weights: Sequence[float] = ()
) -> BoxKind[Any]:
    """Returns the kind of boxes, or of their rows (anchors, say).

    Args:
        boxes: of one kind, per image or per level.
        weights: factors of offsets: without any boxes, their number decides.
    """
    for one in boxes:
        rows = one if isinstance(one, Tensor) else one.tensor
        return ROTATED if rows.shape[1] == ROTATED.dim else UPRIGHT
    return ROTATED if len(weights) == ROTATED.dim else UPRIGHT
