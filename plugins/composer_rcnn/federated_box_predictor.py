"""Prediction of regions whose classes are trained a sample at a time.

Legend: R regions over all images, K classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import Finite, NonNegative, PositiveInt
from composer.structures import BoxDeltas, ClassLogits, ClassWeights, RegionFeatures, TensorShape
from composer_rcnn.box_predictor import make_box_layers


class FederatedBoxPredictions(NamedTuple):
    """Predictions of every region, and what the federated loss draws classes by.

    Args:
        class_logits: one a class, the background last.
        box_deltas: the offsets of a box for each class, or for all.
        class_weights: how likely each class is drawn; zeros as long as that is not known.
    """

    class_logits: ClassLogits
    box_deltas: BoxDeltas
    class_weights: ClassWeights


class FederatedBoxPredictor(nn.Module):
    """The layers of `box_predictor`, with the weights of classes in the federated loss.

    Checkpoints of detectron2 have these weights beside the layers (Zhou et al. 2021, section 4.1):
    wire `class_weights` to `class_loss`. A training counts images by class where neither the
    checkpoint nor the spec has such numbers.

    Args:
        x_shape: size of what describes a region.
        num_classes: number of classes, without the background.
        cls_agnostic_bbox_reg: whether the classes share their box offsets.
        box_dim: offsets of a box; a rotated one has 5.
        fed_loss_class_counts: number of images that each class occurs in, where it is known.
        fed_loss_freq_weight_power: power of these numbers that is the weight.

    Raises:
        ValueError: the size of the input is not known, or there are counts of other classes.
    """

    fed_loss_cls_weights: Tensor

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_classes: PositiveInt,
        cls_agnostic_bbox_reg: bool = False,
        box_dim: PositiveInt = 4,
        fed_loss_class_counts: tuple[NonNegative, ...] | None = None,
        fed_loss_freq_weight_power: Finite = 0.5,
    ) -> None:
        super().__init__()
        self.cls_score, self.bbox_pred = make_box_layers(
            x_shape, num_classes, cls_agnostic_bbox_reg, box_dim
        )
        self.power = fed_loss_freq_weight_power
        self.register_buffer("fed_loss_cls_weights", torch.zeros(num_classes))
        if fed_loss_class_counts is not None:
            self.set_class_counts(fed_loss_class_counts)

    @property
    def output_shape(self) -> TensorShape:
        """The class logits'."""
        return TensorShape(channels=self.cls_score.out_features)

    def forward(self, x: RegionFeatures) -> FederatedBoxPredictions:
        """Returns class logits and box offsets of every region, and the weights of classes."""
        x = x.flatten(1)
        return FederatedBoxPredictions(
            self.cls_score(x), self.bbox_pred(x), self.fed_loss_cls_weights
        )

    @property
    def draws_classes(self) -> bool:
        """Whether classes are drawn: always."""
        return True

    @property
    def class_weights(self) -> Float[Tensor, "K"] | None:
        """The weights of classes; None as long as they are not known."""
        return self.fed_loss_cls_weights if bool(self.fed_loss_cls_weights.any()) else None

    def weigh_counts(self, counts: Sequence[int | float]) -> Float[Tensor, "K"]:
        """The weights of classes that occur in so many images."""
        return weigh_classes(counts, self.power, self.cls_score.out_features - 1)

    def set_class_counts(self, counts: Sequence[int | float]) -> None:
        """Sets the weights of classes.

        Args:
            counts: number of images that each class occurs in.

        Raises:
            ValueError: there are counts of another number of classes.
        """
        with torch.no_grad():
            self.fed_loss_cls_weights.copy_(self.weigh_counts(counts))


def weigh_classes(
    counts: Sequence[int | float], power: float, num_classes: int
) -> Float[Tensor, "K"]:
    """The weights of classes that occur in so many images; a class of no image is never drawn.

    Raises:
        ValueError: there are counts of another number of classes.
    """
    if len(counts) != num_classes:
        raise ValueError(
            f"fed_loss_class_counts has numbers for {len(counts)} classes, but there are "
            f"{num_classes}."
        )
    return torch.tensor([count**power if count > 0 else 0.0 for count in counts])
