"""torchvision's feature pyramid, for levels of any strides.

Legend: N images, C channels of the pyramid.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from composer.layers import Optimization, fold_norms, rename_state
from composer.ranges import PositiveInt
from composer.structures import Features, TensorShape, pick_levels

_TOP = "pool"


class TorchvisionPyramid(nn.Module):
    """Adds each level's features to those of the coarser levels (Lin et al. 2017, section 3).

    Unlike `fpn`, it accepts levels whose strides do not double, such as two of one stride: each
    level is resized to the one below it. Levels keep their names; a last one, `pool`, has every
    second cell of the coarsest level. Weights keep torchvision's names.

    Args:
        features_shape: the levels that come in.
        in_features: those that the pyramid is built on, finest first; all by default.
        out_channels: channels of every level.

    Raises:
        ValueError: a level does not exist, or its channels are not known.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        out_channels: PositiveInt = 256,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        shapes = [features_shape[name] for name in self.in_features]
        channels = [shape.channels for shape in shapes if shape.channels is not None]
        if len(channels) < len(shapes):
            raise ValueError(f"The channels of {', '.join(self.in_features)} are not all known.")
        strides = [shape.stride for shape in shapes]
        strides.append(None if strides[-1] is None else 2 * strides[-1])
        self._output_shape = {
            name: TensorShape(out_channels, stride=stride)
            for name, stride in zip((*self.in_features, _TOP), strides, strict=True)
        }
        self.network = FeaturePyramidNetwork(channels, out_channels, LastLevelMaxPool())
        rename_state(self, {"network.": ""})

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `in_features`, and `pool`."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, features: Features) -> Features:
        """Returns the pyramid, finest level first."""
        levels: dict[str, Float[Tensor, "N C _ _"]] = self.network(
            {name: features[name] for name in self.in_features}
        )
        return dict(levels)
