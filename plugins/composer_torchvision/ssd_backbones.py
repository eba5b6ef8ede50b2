"""The networks under torchvision's SSD and SSDLite, with their additional levels.

Legend: N images.
"""

from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torchvision import models
from torchvision.models.detection.ssd import SSDFeatureExtractorVGG
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet

from composer.layers import Optimization, fold_norms, init_msra, rename_state
from composer.ranges import Positive
from composer.structures import Features, ImageList, TensorShape
from composer_torchvision.backbone import BackboneNorm, convert_norms

# Letters of torchvision's configurations.
_VGG = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}
# The last convolutions have no padding: the maps of two levels have no stride of their own.
_VGG_LEVELS: dict[str, int | None] = {
    "conv4_3": 8,
    "conv7": 16,
    "conv8_2": 32,
    "conv9_2": 64,
    "conv10_2": None,
    "conv11_2": None,
}
_MOBILE_LEVELS: dict[str, int | None] = {f"c{level}": 2**level for level in range(4, 10)}
# As in torchvision's training from scratch.
_MOBILE_NORM = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)


class TorchvisionSSDBackbone(nn.Module):
    """VGG with six levels for SSD, for images of about 300 pixels (Liu et al. 2016, section 3.1).

    The first level is normalised to a length that is learned. Levels are called after the
    convolutions of the paper. Weights keep torchvision's names.

    Args:
        images_shape: the images: RGB, without their mean, from 0 to 255.
        name: the network.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        name: Literal["vgg11", "vgg13", "vgg16", "vgg19"] = "vgg16",
    ) -> None:
        super().__init__()
        _check_channels(images_shape, name)
        layers = models.vgg.make_layers(models.vgg.cfgs[_VGG[name]])
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                init_msra(layer)
        self.network = SSDFeatureExtractorVGG(layers, highres=False)
        self._output_shape = _find_shapes([self.network.features, *self.network.extra], _VGG_LEVELS)
        rename_state(self, {"network.": ""})

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps, finest first."""
        return _name_levels(self.network(images.tensor), self._output_shape)


class TorchvisionSSDLiteBackbone(nn.Module):
    """MobileNetV3 with six levels for SSDLite (Howard et al. 2019, section 6.3).

    Levels are called after the binary logarithm of their stride. Weights keep torchvision's names.

    Args:
        images_shape: the images: RGB, from -1 to 1.
        name: the network.
        width_mult: factor of its numbers of channels.
        reduced_tail: whether its last blocks have half of their channels.
        norm: see `torchvision_backbone`; of the additional levels as well.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        name: Literal["mobilenet_v3_large", "mobilenet_v3_small"] = "mobilenet_v3_large",
        width_mult: Positive = 1.0,
        reduced_tail: bool = True,
        norm: BackboneNorm = "",
    ) -> None:
        super().__init__()
        _check_channels(images_shape, name)
        whole = models.get_model(
            name,
            weights=None,
            norm_layer=_MOBILE_NORM,
            width_mult=width_mult,
            reduced_tail=reduced_tail,
        )
        self.network = SSDLiteFeatureExtractorMobileNet(
            whole.features, _find_last_stride(whole.features), _MOBILE_NORM, width_mult
        )
        convert_norms(self.network, norm)
        parts = [*self.network.features, *self.network.extra]
        self._output_shape = _find_shapes(parts, _MOBILE_LEVELS)
        rename_state(self, {"network.": ""})

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps, finest first."""
        return _name_levels(self.network(images.tensor), self._output_shape)


def _check_channels(images_shape: TensorShape, name: str) -> None:
    if images_shape.channels not in (None, 3):
        raise ValueError(f"{name} takes images of 3 channels, not of {images_shape.channels}.")


def _find_last_stride(blocks: nn.Sequential) -> int:
    """Returns the number of the last block with a stride: the finest level is taken inside it."""
    return max(
        number
        for number, block in enumerate(blocks)
        if any(isinstance(each, nn.Conv2d) and max(each.stride) > 1 for each in block.modules())
    )


def _find_shapes(parts: list[nn.Module], strides: dict[str, int | None]) -> dict[str, TensorShape]:
    """Returns the shapes of levels, of which each ends with a convolution."""
    shapes = {}
    for part, (name, stride) in zip(parts, strides.items(), strict=True):
        *_, last = (each for each in part.modules() if isinstance(each, nn.Conv2d))
        shapes[name] = TensorShape(last.out_channels, stride=stride)
    return shapes


def _name_levels(
    maps: dict[str, Float[Tensor, "N _ _ _"]], shapes: dict[str, TensorShape]
) -> dict[str, Float[Tensor, "N _ _ _"]]:
    return dict(zip(shapes, maps.values(), strict=True))
