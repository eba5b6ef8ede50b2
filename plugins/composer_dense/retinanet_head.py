"""The head of RetinaNet: classes and box offsets of every anchor.

Legend: N images. `_` is the numbers of a cell, and a level's height and width.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormName, Optimization, fold_norms
from composer.ranges import Channels, OptionalDepth, PositiveInt, Probability
from composer.structures import (
    AnchorDeltas,
    AnchorLogits,
    Features,
    TensorShape,
    pick_levels,
)
from composer_dense.subnet import build_predictor, build_subnets

_BOX_DIM = 4


class RetinaNetPredictions(NamedTuple):
    """Predictions for every anchor.

    Args:
        class_logits: per level, N x (A * K) x H x W; there is no background class.
        box_deltas: box offsets per level, N x (A * 4) x H x W.
    """

    class_logits: AnchorLogits
    box_deltas: AnchorDeltas


class RetinaNetHead(nn.Module):
    """Two small networks side by side, for classes and for boxes (Lin et al. 2017, section 4).

    All levels share their weights.

    Args:
        features_shape: the levels that come in, of equal channels.
        in_features: the levels to work on; all by default.
        num_classes: number of classes; the background is none.
        num_anchors: anchors at each cell (sizes times aspect ratios of a level).
        num_convs: number of convolutions before the predictions.
        conv_dim: their channels; -1 keeps those of the features.
        norm: name of the normalisation after each of them; BN and SyncBN keep statistics for
            each level.
        prior_prob: the probability that a class has at first.

    Raises:
        ValueError: a level does not exist, or levels differ in channels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        num_classes: PositiveInt,
        num_anchors: PositiveInt = 9,
        num_convs: OptionalDepth = 4,
        conv_dim: Channels = -1,
        norm: NormName = "",
        prior_prob: Probability = 0.01,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.cls_subnet, self.bbox_subnet = build_subnets(
            features_shape, self.in_features, num_convs=num_convs, conv_dim=conv_dim, norm=norm
        )
        channels = self.cls_subnet.out_channels
        self.cls_score = build_predictor(channels, num_anchors * num_classes, prior_prob)
        self.bbox_pred = build_predictor(channels, num_anchors * _BOX_DIM)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms, float32_outputs=("class_logits", "box_deltas"))

    def forward(self, features: Features) -> RetinaNetPredictions:
        """Returns class logits and box offsets of all anchors, level by level."""
        logits: list[Float[Tensor, "N _ _ _"]] = []
        deltas: list[Float[Tensor, "N _ _ _"]] = []
        for level, name in enumerate(self.in_features):
            logits.append(self.cls_score(self.cls_subnet(features[name], level)))
            deltas.append(self.bbox_pred(self.bbox_subnet(features[name], level)))
        return RetinaNetPredictions(logits, deltas)
