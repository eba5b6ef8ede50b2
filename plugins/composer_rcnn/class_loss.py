"""The class loss of regions, and how often their classes are right.

Legend: R regions, K classes. `_` is a logit for each class, the background last.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.events import record_scalar
from composer.ranges import Finite, NonNegative, NonNegativeInt, PositiveInt
from composer.structures import Classes, ClassLogits, ClassWeights, Losses
from composer_rcnn.classification import (
    draw_federated_classes,
    sigmoid_class_loss,
    softmax_class_loss,
)
from composer_rcnn.federated_box_predictor import weigh_classes


class ClassLoss(nn.Module):
    """Compares predicted classes with target classes (Girshick 2015, eq. 1).

    Records `fast_rcnn/cls_accuracy`, `fast_rcnn/fg_cls_accuracy`, `fast_rcnn/false_negative`.

    Args:
        num_classes: number of classes, without the background.
        use_sigmoid_ce: whether to use a sigmoid per class in place of a softmax.
        use_fed_loss: whether to compare a random sample of classes in each step (federated loss,
            for LVIS); requires use_sigmoid_ce.
        fed_loss_num_classes: number of classes to sample.
        fed_loss_class_counts: number of images that each class occurs in, where `class_weights`
            is not wired; by default all classes are drawn alike.
        fed_loss_freq_weight_power: power of these numbers that is the chance to be drawn.
        loss_weight: factor of the loss.
        stage: number of a cascade's stage: the loss is called `loss_cls_stage{k}`, and scalars
            begin with `stage{k}/`.

    Raises:
        ValueError: options contradict each other.
    """

    chances: Tensor

    def __init__(
        self,
        *,
        num_classes: PositiveInt,
        use_sigmoid_ce: bool = False,
        use_fed_loss: bool = False,
        fed_loss_num_classes: PositiveInt = 50,
        fed_loss_class_counts: tuple[NonNegative, ...] | None = None,
        fed_loss_freq_weight_power: Finite = 0.5,
        loss_weight: NonNegative = 1.0,
        stage: NonNegativeInt | None = None,
    ) -> None:
        super().__init__()
        if use_fed_loss and not use_sigmoid_ce:
            raise ValueError("use_fed_loss needs use_sigmoid_ce.")
        images = fed_loss_class_counts
        self.num_classes = num_classes
        self.use_sigmoid_ce = use_sigmoid_ce
        self.num_counting = fed_loss_num_classes if use_fed_loss else None
        chances = (
            weigh_classes(images, fed_loss_freq_weight_power, num_classes)
            if images
            else torch.ones(num_classes)
        )
        self.register_buffer("chances", chances, persistent=False)
        self.power = fed_loss_freq_weight_power
        self.knows_counts = fed_loss_class_counts is not None
        self.loss_weight = loss_weight
        self.scope = "" if stage is None else f"stage{stage}/"
        self.loss_name = "loss_cls" if stage is None else f"loss_cls_stage{stage}"

    def forward(
        self,
        class_logits: ClassLogits,
        classes: list[Classes],
        generator: torch.Generator,
        class_weights: ClassWeights | None = None,
    ) -> Losses:
        """Returns `loss_cls`.

        Args:
            class_logits: of all regions, the background last.
            classes: target classes per image; the number of classes for the background.
            generator: for sampling classes.
            class_weights: how likely each class is drawn; zeros where that is not known.

        Raises:
            ValueError: the numbers of predictions and regions, or of logits and classes differ.
        """
        if class_logits.shape[1] != self.num_classes + 1:
            raise ValueError(
                f"{class_logits.shape[1]} class logits are those of {class_logits.shape[1] - 1} "
                f"classes and the background, but num_classes is {self.num_classes}."
            )
        wanted = torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)
        wanted = wanted.to(class_logits.device)
        if len(wanted) != len(class_logits):
            raise ValueError(f"{len(wanted)} regions, but class logits of {len(class_logits)}.")
        record_class_statistics(class_logits, wanted, self.scope)
        chances = self.chances
        if class_weights is not None and bool(class_weights.any()):
            chances = class_weights
        loss = self._compare(class_logits, wanted, chances, generator)
        return {self.loss_name: loss * self.loss_weight}

    @property
    def draws_classes(self) -> bool:
        """Whether classes are drawn: in the federated loss."""
        return self.num_counting is not None

    @property
    def class_weights(self) -> Float[Tensor, "K"] | None:
        """How likely each class is drawn; None as long as that is not known."""
        return self.chances if self.knows_counts else None

    def weigh_counts(self, counts: Sequence[int | float]) -> Float[Tensor, "K"]:
        """The weights of classes that occur in so many images."""
        return weigh_classes(counts, self.power, self.num_classes)

    def set_class_counts(self, counts: Sequence[int | float]) -> None:
        """Sets the weights of classes by the number of images that each occurs in.

        Raises:
            ValueError: there are counts of another number of classes.
        """
        self.chances.copy_(self.weigh_counts(counts))
        self.knows_counts = True

    def _compare(
        self, logits: Tensor, wanted: Tensor, chances: Tensor, generator: torch.Generator
    ) -> Float[Tensor, ""]:
        if not self.use_sigmoid_ce:
            return softmax_class_loss(logits, wanted)
        counting = None
        if self.num_counting is not None:
            counting = draw_federated_classes(wanted, self.num_counting, chances, generator)
        return sigmoid_class_loss(logits, wanted, counting)


@torch.no_grad()
def record_class_statistics(
    logits: Float[Tensor, "R _"], classes: Int[Tensor, "R"], scope: str = ""
) -> None:
    """Records the shares of regions that are classified rightly, and of objects that are missed.

    Args:
        logits: of every class, the background last.
        classes: what each region is.
        scope: what comes before the names.
    """
    if len(classes) == 0:
        return
    background = logits.shape[1] - 1
    predicted = logits.argmax(dim=1)
    is_right = predicted == classes
    is_object = (classes >= 0) & (classes < background)
    record_scalar(f"{scope}fast_rcnn/cls_accuracy", is_right.float().mean())
    if is_object.any():
        misses = predicted[is_object] == background
        record_scalar(f"{scope}fast_rcnn/fg_cls_accuracy", is_right[is_object].float().mean())
        record_scalar(f"{scope}fast_rcnn/false_negative", misses.float().mean())
