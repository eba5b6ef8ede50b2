"""The backbones of transformers' detectors.

Legend: N images. `_` is channels, and a map's height and width.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization
from composer.structures import Features, ImageList, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.feature_levels import measure_levels
from composer_transformers.network_folding import fold_network
from composer_transformers.parts import build_on_meta, install_parts

CONV_ENCODER_NAMES = {"network": "model.backbone.model"}


class ConvEncoder(nn.Module):
    """The backbone of DETR and the detectors after it: any of transformers' or timm's networks.

    Levels are called c2, c3, ... after the binary logarithm of their stride, 4, 8, ...

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config)
        skeleton = build_on_meta(configuration).model.backbone
        self._output_shape = measure_levels(lambda pixels: _find_maps(skeleton.model(pixels)))
        install_parts(self, configuration, CONV_ENCODER_NAMES, from_whole=True)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization(fold=fold_network, channels_last=True, lower_precision=True, dense=True)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps by level, finest first."""
        maps = _find_maps(self.network(images.tensor))
        return dict(zip(self._output_shape, maps, strict=True))


def _find_maps(found: Any) -> list[Float[Tensor, "N _ _ _"]]:
    """The maps that a network of transformers or timm returns."""
    return list(getattr(found, "feature_maps", found))
