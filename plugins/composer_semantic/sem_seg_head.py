"""From a feature pyramid to class logits of every place.

Legend: N images. `_` is channels or classes, and a map's height and width.
"""

import math

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, NormName, Optimization, fold_norms, init_msra
from composer.ranges import PositiveInt
from composer.structures import (
    Features,
    SemanticLogits,
    TensorShape,
    find_strides,
    get_channels,
    pick_levels,
)


class SemSegFPNHead(nn.Module):
    """Brings every level to one resolution, adds them up and classifies (Panoptic FPN, figure 3).

    A level is convolved and doubled in size until it has the common stride; one that has it
    from the start is convolved once.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to work on; all by default.
        num_classes: number of classes.
        convs_dim: channels of the convolutions.
        common_stride: stride of the output, in pixels; a power of two.
        norm: name of the normalisation after each convolution but the last.

    Raises:
        ValueError: a level does not exist or is finer than the common stride, or channels are not
            known.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        num_classes: PositiveInt,
        convs_dim: PositiveInt = 128,
        common_stride: PositiveInt = 4,
        norm: NormName = "GN",
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        strides = find_strides(features_shape, self.in_features)
        for name, stride in zip(self.in_features, strides, strict=True):
            num_doublings = _count_doublings(name, stride, common_stride)
            channels = get_channels(features_shape, name)
            self.add_module(name, _build_branch(channels, convs_dim, num_doublings, norm))
        self.predictor = nn.Conv2d(convs_dim, num_classes, 1)
        init_msra(self.predictor)
        self._output_shape = TensorShape(channels=num_classes, stride=common_stride)

    @property
    def output_shape(self) -> TensorShape:
        """A channel a class, at the common stride."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, features: Features) -> SemanticLogits:
        """Returns the logits of every class at the common stride."""
        total: Float[Tensor, "N _ _ _"] | None = None
        for name in self.in_features:
            branch = self.get_submodule(name)(features[name])
            total = branch if total is None else total + branch
        return self.predictor(total)


def _count_doublings(name: str, stride: int, common_stride: int) -> int:
    doublings = math.log2(stride / common_stride)
    if doublings < 0 or not doublings.is_integer():
        raise ValueError(
            f"Level '{name}' has a stride of {stride}, which cannot be halved to the common stride "
            f"of {common_stride}."
        )
    return int(doublings)


def _build_branch(
    in_channels: int, channels: int, num_doublings: int, norm: NormName
) -> nn.Sequential:
    """Builds the layers of a level; checkpoints number the doublings, too."""
    layers: list[nn.Module] = []
    for index in range(max(1, num_doublings)):
        conv = NormConv2d(
            channels if index else in_channels, channels, 3, padding=1, norm=norm, activation=F.relu
        )
        init_msra(conv)
        layers.append(conv)
        if num_doublings:
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers)
