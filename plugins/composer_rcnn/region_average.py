"""From a region's map to a vector."""

from torch import nn

from composer.structures import RegionFeatures, TensorShape


class RegionAverage(nn.Module):
    """Averages a region's features over its rows and columns (He et al. 2016, section 3.4).

    Args:
        x_shape: channels of the regions.
    """

    def __init__(self, *, x_shape: TensorShape) -> None:
        super().__init__()
        self._channels = x_shape.channels

    @property
    def output_shape(self) -> TensorShape:
        """The same channels, without rows and columns."""
        return TensorShape(channels=self._channels)

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        """Returns a vector a region."""
        return x.mean(dim=(2, 3))
