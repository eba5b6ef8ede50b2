"""The backbones of transformers' detectors.

Legend: N images. `_` is channels, and a map's height and width.
"""

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import FrozenBatchNorm2d, Optimization
from composer.structures import Features, ImageList, TensorShape
from composer_transformers.configuration import read_configuration
from composer_transformers.feature_levels import measure_levels
from composer_transformers.masks import match_pixels
from composer_transformers.network_folding import fold_network
from composer_transformers.parts import find_skeleton, install_parts

CONV_ENCODER_NAMES = {"network": "model.backbone.model"}

Norm = Literal["FrozenBN", "BN"]
_FROZEN = "FrozenBatchNorm2d"  # how the names of all of transformers' classes end


class ConvEncoder(nn.Module):
    """The backbone of DETR and the detectors after it: any of transformers' or timm's networks.

    Levels are called c2, c3, ... after the binary logarithm of their stride, 4, 8, ...

    Args:
        config: the model's configuration, as in a `config.json`.
        norm: of the batch normalisations that transformers freezes (all of DETR's, and RT-DETR's
            where `freeze_backbone_batch_norms` says so): FrozenBN, or BN to train them.
        freeze_at: 2 freezes the stem and the first stage where transformers does, in the ResNets
            of DETR and its successors; 0 freezes no layer.
    """

    network: nn.Module

    def __init__(
        self, *, config: dict[str, Any], norm: Norm = "FrozenBN", freeze_at: Literal[0, 2] = 2
    ) -> None:
        super().__init__()
        configuration = read_configuration(config)
        skeleton = find_skeleton(configuration).model.backbone
        self._output_shape = measure_levels(lambda pixels: _find_maps(skeleton.model(pixels)))
        install_parts(self, configuration, CONV_ENCODER_NAMES, from_whole=True)
        _replace_norms(self.network, norm)
        if not freeze_at:
            self.network.requires_grad_(True)

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
        maps = _find_maps(self.network(match_pixels(images, self.network)))
        return dict(zip(self._output_shape, maps, strict=True))


def _find_maps(found: Any) -> list[Float[Tensor, "N _ _ _"]]:
    """The maps that a network of transformers or timm returns."""
    return list(getattr(found, "feature_maps", found))


def _replace_norms(module: nn.Module, norm: Norm) -> None:
    """Replaces the frozen normalisations of transformers, in place, with their values."""
    for name, child in module.named_children():
        if not type(child).__name__.endswith(_FROZEN):
            _replace_norms(child, norm)
            continue
        values = child.state_dict()
        count = len(values["weight"])
        new = FrozenBatchNorm2d(count) if norm == "FrozenBN" else nn.BatchNorm2d(count)
        new.to(values["weight"].device).load_state_dict(values, strict=False)
        setattr(module, name, new)
