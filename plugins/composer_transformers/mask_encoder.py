"""Backbones of MaskFormer and Mask2Former.

Legend: N images. `_` is channels, and a map's height and width.
"""

from typing import Any

from torch import nn

from composer.layers import Optimization
from composer.structures import Features, ImageList, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.feature_levels import measure_levels
from composer_transformers.masks import match_pixels
from composer_transformers.network_folding import fold_network
from composer_transformers.parts import find_skeleton, install_parts

MASK_KINDS = ("mask2former", "maskformer")
MASK_ENCODER_NAMES = {"network": "model.pixel_level_module.encoder"}


class MaskEncoder(nn.Module):
    """The backbone of MaskFormer and Mask2Former: any of transformers' networks of stages.

    Levels are called c2, c3, ... after the binary logarithm of their stride, 4, 8, ...

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    network: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=MASK_KINDS)
        skeleton = find_skeleton(configuration).model.pixel_level_module.encoder
        self._output_shape = measure_levels(lambda pixels: skeleton(pixels).feature_maps)
        install_parts(self, configuration, MASK_ENCODER_NAMES, from_whole=True)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_network)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps by level, finest first."""
        maps = self.network(match_pixels(images, self.network)).feature_maps
        return dict(zip(self._output_shape, maps, strict=True))
