"""Class logits of points, from their features and the coarse prediction there.

Legend: N regions or images, P points.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from composer.layers import init_msra, init_normal
from composer.ranges import PositiveInt
from composer.structures import TensorShape
from composer_point_rend.point_sampling import sample_points
from composer_point_rend.point_types import PointFeatures, PointLogits, Points


class CoarsePoints(nn.Module):
    """Interpolates a coarse prediction at points.

    It has no weights.

    Args:
        logits_shape: the prediction.
    """

    def __init__(self, *, logits_shape: TensorShape) -> None:
        super().__init__()
        self._channels = logits_shape.channels

    @property
    def output_shape(self) -> TensorShape:
        """The same channels."""
        return TensorShape(self._channels)

    def forward(self, logits: Tensor, points: Points) -> PointLogits:
        """Returns the logits at points.

        Args:
            logits: of masks or of padded images, N x C x H x W.
            points: the points of each.
        """
        return sample_points(logits, points)


class PointHead(nn.Module):
    """A small network that looks at one point (Kirillov et al. 2020, section 3.1).

    Args:
        features_shape: channels of the features.
        coarse_shape: channels of the coarse prediction.
        num_classes: number of classes.
        fc_dims: channels of the layers.
        coarse_pred_each_layer: whether each layer is given the coarse prediction again.
        cls_agnostic_mask: whether the classes share one mask.

    Raises:
        ValueError: a number of channels is not known, or the coarse prediction is for another
            number of classes.
    """

    def __init__(
        self,
        *,
        features_shape: TensorShape,
        coarse_shape: TensorShape,
        num_classes: PositiveInt,
        fc_dims: tuple[PositiveInt, ...] = (256, 256, 256),
        coarse_pred_each_layer: bool = True,
        cls_agnostic_mask: bool = False,
    ) -> None:
        super().__init__()
        if features_shape.channels is None or coarse_shape.channels is None:
            raise ValueError(
                f"The channels of points are not known: {features_shape}, {coarse_shape}."
            )
        if coarse_shape.channels != num_classes:
            raise ValueError(
                f"num_classes is {num_classes}, but the coarse prediction has "
                f"{coarse_shape.channels} classes."
            )
        self.coarse_pred_each_layer = coarse_pred_each_layer
        again = coarse_shape.channels if coarse_pred_each_layer else 0
        channels = features_shape.channels + coarse_shape.channels
        for index, dim in enumerate(fc_dims):
            layer = nn.Conv1d(channels, dim, 1)
            init_msra(layer)
            self.add_module(f"fc{index + 1}", layer)
            channels = dim + again
        self._num_layers = len(fc_dims)
        self.predictor = nn.Conv1d(channels, 1 if cls_agnostic_mask else num_classes, 1)
        init_normal(self.predictor, std=0.001)

    @property
    def output_shape(self) -> TensorShape:
        """A channel a class, or one in all."""
        return TensorShape(self.predictor.out_channels)

    def forward(self, features: PointFeatures, coarse: PointLogits) -> PointLogits:
        """Returns the logits of every point's classes.

        Args:
            features: of the points.
            coarse: the coarse prediction there.
        """
        x = torch.cat((features, coarse), dim=1)
        for index in range(self._num_layers):
            x = F.relu(self.get_submodule(f"fc{index + 1}")(x))
            if self.coarse_pred_each_layer:
                x = torch.cat((x, coarse), dim=1)
        return self.predictor(x)
