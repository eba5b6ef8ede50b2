"""The anchor-free head of FCOS: classes, boxes and centerness at every cell.

Legend: N images. `_` is the numbers of a cell, and a level's height and width.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormName, Optimization, fold_norms
from composer.ranges import Channels, OptionalDepth, PositiveInt, Probability
from composer.structures import (
    AnchorLogits,
    Centerness,
    EdgeDistances,
    Features,
    TensorShape,
    pick_levels,
)
from composer_dense.subnet import build_predictor, build_subnets

_BOX_DIM = 4


class FCOSPredictions(NamedTuple):
    """Predictions for every cell.

    Args:
        class_logits: per level, N x K x H x W; there is no background class.
        edge_distances: per level, N x 4 x H x W, from the cell to the left, top, right and
            bottom edge of its box in units of the level's stride; what is negative counts as 0.
        centerness: logits per level, N x 1 x H x W.
    """

    class_logits: AnchorLogits
    edge_distances: EdgeDistances
    centerness: Centerness


class FCOSHead(nn.Module):
    """A RetinaNet head for one point a cell, which predicts centerness, too.

    Centerness comes from the branch of the boxes (Tian et al. 2020, section 2.3). There is no scale
    per level: distances are in units of the stride.

    Args:
        features_shape: the levels that come in, of equal channels.
        in_features: the levels to work on; all by default.
        num_classes: number of classes; the background is none.
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
        self.cls_score = build_predictor(channels, num_classes, prior_prob)
        self.bbox_pred = build_predictor(channels, _BOX_DIM)
        self.ctrness = build_predictor(channels, 1)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(
            fold_norms, float32_outputs=("class_logits", "edge_distances", "centerness")
        )

    def forward(self, features: Features) -> FCOSPredictions:
        """Returns class logits, distances and centerness of all cells, level by level."""
        logits: list[Float[Tensor, "N _ _ _"]] = []
        distances: list[Float[Tensor, "N 4 _ _"]] = []
        centerness: list[Float[Tensor, "N 1 _ _"]] = []
        for level, name in enumerate(self.in_features):
            logits.append(self.cls_score(self.cls_subnet(features[name], level)))
            box_features = self.bbox_subnet(features[name], level)
            distances.append(self.bbox_pred(box_features))
            centerness.append(self.ctrness(box_features))
        return FCOSPredictions(logits, distances, centerness)
