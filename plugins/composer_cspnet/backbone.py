"""A small CSPNet without its classifier."""

from typing import Literal, TypeAlias

from torch import nn

from composer.layers import NormName, Optimization, fold_norms, freeze_batch_norm
from composer.ranges import NonNegative, NonNegativeInt, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_cspnet.blocks import ConvStyle, CspBlock, build_conv

LevelName: TypeAlias = Literal["c2", "c3", "c4", "c5"]

_LEVELS: tuple[LevelName, ...] = ("c2", "c3", "c4", "c5")


class CSPNet(nn.Module):
    """A CSPNet that returns its stages' feature maps (Wang et al. 2020).

    Plain 3x3 convolutions and concatenations only. The stem has a quarter of the images'
    resolution; each stage doubles the channels, and all but the first one halve the resolution.
    Stages after the last one of `out_features` are not built. Defaults are those of NanoDet-g (Lyu
    2021), whose weights expect BGR images of ImageNet's mean and standard deviation.

    Args:
        images_shape: what comes in.
        stem_channels: channels of the stem; even.
        num_residuals: number of residual blocks of each stage.
        out_features: the levels to give, of c2 to c5, with strides of 4, 8, 16 and 32.
        norm: name of the normalisation; "" for convolutions with a bias, such as those of
            exported files.
        negative_slope: slope of the activations below 0.
        freeze_at: the first so many of the stem, c2, c3, ... are not trainable and do not update
            their statistics; 0 for none.

    Raises:
        ValueError: no level is asked for, or the number of channels is odd.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        stem_channels: PositiveInt = 32,
        num_residuals: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (1, 2, 2, 3),
        out_features: tuple[LevelName, ...] = ("c2", "c3", "c4", "c5"),
        norm: NormName = "FrozenBN",
        negative_slope: NonNegative = 0.1,
        freeze_at: NonNegativeInt = 2,
    ) -> None:
        super().__init__()
        if not out_features:
            raise ValueError(f"out_features names no level: take some of {', '.join(_LEVELS)}.")
        if stem_channels % 2:
            raise ValueError(f"stem_channels must be even, not {stem_channels}.")
        style = ConvStyle(norm, negative_slope)
        self.stem = nn.Sequential(
            build_conv(images_shape.channels or 3, stem_channels, stride=2, style=style),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self._output_shape: dict[str, TensorShape] = {}
        self._stage_names: list[str] = []
        channels = stem_channels
        last = max(_LEVELS.index(name) for name in out_features)
        for index, name in enumerate(_LEVELS[: last + 1]):
            stage = CspBlock(
                channels,
                num_residuals=num_residuals[index],
                stride=1 if index == 0 else 2,
                style=style,
            )
            self.add_module(name, stage)
            self._stage_names.append(name)
            channels *= 2
            if name in out_features:
                self._output_shape[name] = TensorShape(channels=channels, stride=4 * 2**index)
        for part in ["stem", *self._stage_names][:freeze_at]:
            freeze_batch_norm(self.get_submodule(part)).requires_grad_(False)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        features: Features = {}
        x = self.stem(images.tensor)
        for name in self._stage_names:
            x = self.get_submodule(name)(x)
            if name in self._output_shape:
                features[name] = x
        return features
