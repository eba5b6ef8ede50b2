"""Prediction of classes and box offsets of regions.

Legend: R regions over all images.
"""

from typing import NamedTuple

from torch import nn

from composer.layers import init_normal
from composer.ranges import PositiveInt
from composer.structures import BoxDeltas, ClassLogits, RegionFeatures, TensorShape


class BoxPredictions(NamedTuple):
    """Predictions of every region.

    Args:
        class_logits: one a class, the background last.
        box_deltas: the offsets of a box for each class, or for all.
    """

    class_logits: ClassLogits
    box_deltas: BoxDeltas


class BoxPredictor(nn.Module):
    """Two linear layers side by side: classes and box offsets (Girshick 2015, section 2.1).

    Args:
        x_shape: size of what describes a region.
        num_classes: number of classes, without the background.
        cls_agnostic_bbox_reg: whether the classes share their box offsets.
        box_dim: offsets of a box; a rotated one has 5.

    Raises:
        ValueError: the size of the input is not known.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: PositiveInt,
        cls_agnostic_bbox_reg: bool = False,
        box_dim: PositiveInt = 4,
    ) -> None:
        super().__init__()
        self.cls_score, self.bbox_pred = make_box_layers(
            x_shape, num_classes, cls_agnostic_bbox_reg, box_dim
        )

    @property
    def output_shape(self) -> TensorShape:
        """The class logits'."""
        return TensorShape(channels=self.cls_score.out_features)

    def forward(self, x: RegionFeatures) -> BoxPredictions:
        """Returns class logits and box offsets of every region."""
        x = x.flatten(1)
        return BoxPredictions(self.cls_score(x), self.bbox_pred(x))


def make_box_layers(
    x_shape: TensorShape, num_classes: int, cls_agnostic_bbox_reg: bool, box_dim: int
) -> tuple[nn.Linear, nn.Linear]:
    """Makes the layers that predict classes and box offsets.

    Args:
        x_shape: size of what describes a region.
        num_classes: number of classes, without the background.
        cls_agnostic_bbox_reg: whether the classes share their box offsets.
        box_dim: offsets of a box.

    Raises:
        ValueError: the size of the input is not known.
    """
    if x_shape.channels is None:
        raise ValueError(f"The size of the regions' features is not known: {x_shape}.")
    size = x_shape.channels * (x_shape.height or 1) * (x_shape.width or 1)
    num_offsets = box_dim * (1 if cls_agnostic_bbox_reg else num_classes)
    cls_score, bbox_pred = nn.Linear(size, num_classes + 1), nn.Linear(size, num_offsets)
    init_normal(cls_score, std=0.01)
    init_normal(bbox_pred, std=0.001)
    return cls_score, bbox_pred
