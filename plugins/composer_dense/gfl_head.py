"""The last layers of a dense detector with distributions of distances.

Legend: N images, C channels of a level. `_` is the numbers of a cell, and a level's height and
width.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization, init_normal
from composer.ranges import PositiveInt, Probability
from composer.structures import (
    AnchorLogits,
    DistanceLogits,
    EdgeDistances,
    Features,
    TensorShape,
    find_channels,
    get_channels,
    pick_levels,
)

_NUM_EDGES = 4
_STD = 0.01


class GFLPredictions(NamedTuple):
    """Predictions for every cell.

    Args:
        class_logits: per level, N x K x H x W; there is no background class. A probability stands
            for the overlap with the object as well.
        distance_logits: per level, N x 4B x H x W: the distribution of each of `edge_distances`
            over 0 to B - 1.
        edge_distances: per level, N x 4 x H x W, from the cell to the left, top, right and
            bottom edge of its box in units of the level's stride: the means of the distributions.
    """

    class_logits: AnchorLogits
    distance_logits: DistanceLogits
    edge_distances: EdgeDistances


class GFLHead(nn.Module):
    """Predicts classes and edges of boxes at every cell (Li et al. 2020).

    It is one 1x1 convolution for each level, as in NanoDet, without layers of its own before it.

    Args:
        features_shape: the levels that come in.
        in_features: the levels to work on; all by default.
        num_classes: number of classes; the background is none.
        shared_layers: levels that use the layers of another one, and which: in an image pyramid a
            level of the smaller image those of its namesake.
        num_bins: number of distances that a distribution is over. The largest is one less, in
            strides.
        prior_prob: the probability that a class has at first.

    Raises:
        ValueError: a level does not exist, its channels are not known, or it has not those of the
            level whose layers it uses.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        num_classes: PositiveInt,
        shared_layers: dict[str, str] | None = None,
        num_bins: PositiveInt = 17,
        prior_prob: Probability = 0.01,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        self.num_classes, self.num_bins = num_classes, num_bins
        self.layers_of = {name: (shared_layers or {}).get(name, name) for name in self.in_features}
        self.predictors = nn.ModuleDict()
        for name in pick_levels(features_shape, tuple(dict.fromkeys(self.layers_of.values()))):
            channels = get_channels(features_shape, name)
            predictor = nn.Conv2d(channels, num_classes + _NUM_EDGES * num_bins, 1)
            init_normal(predictor, std=_STD)
            assert predictor.bias is not None
            with torch.no_grad():
                predictor.bias[:num_classes] = math.log(prior_prob / (1 - prior_prob))
            self.predictors[name] = predictor
        for name, other in self.layers_of.items():
            find_channels(features_shape, (name, other))

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: channels last, lower precision."""
        return Optimization.of_dense(
            None, float32_outputs=("class_logits", "distance_logits", "edge_distances")
        )

    def forward(self, features: Features) -> GFLPredictions:
        """Returns class logits and distances of all cells, level by level."""
        found = GFLPredictions([], [], [])
        for name in self.in_features:
            predicted = self.predictors[self.layers_of[name]](features[name])
            logits = predicted[:, self.num_classes :]
            found.class_logits.append(predicted[:, : self.num_classes])
            found.distance_logits.append(logits)
            found.edge_distances.append(_average_bins(logits))
        return found


def _average_bins(logits: Float[Tensor, "N _ _ _"]) -> Float[Tensor, "N 4 _ _"]:
    num_images, channels, height, width = logits.shape
    bins = logits.float().reshape(num_images, _NUM_EDGES, channels // _NUM_EDGES, height, width)
    bins = bins.softmax(dim=2)
    values = torch.arange(bins.shape[2], dtype=bins.dtype, device=bins.device)
    return (bins * values[:, None, None]).sum(dim=2)
