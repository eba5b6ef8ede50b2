"""RegNets, from the parameters of their design space."""

from torch import nn

from composer.layers import NormName, Optimization, freeze_batch_norm
from composer.ranges import Depth, NonNegative, NonNegativeInt, Positive, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_regnet.blocks import BlockStyle, Stem, build_stage
from composer_regnet.fused_blocks import fold_backbone
from composer_regnet.widths import plan_stages

_STAGE_STRIDE = 2


class RegNet(nn.Module):
    """A RegNet that returns its stages' feature maps (Radosavovic et al. 2020, section 3.3).

    The stages are s1, s2, ...; each has half of the resolution of the one before, s1 a quarter of
    that of the images. Stages after the last one of `out_features` are not built. Defaults are
    those of RegNetX-4.0GF.

    Args:
        images_shape: what comes in.
        depth: number of blocks of all stages.
        w_0: width of the first block, a multiple of 8.
        w_a: increase of the width from block to block, before quantisation.
        w_m: factor between the widths of consecutive stages, above 1.
        group_width: channels of a group of the 3x3 convolutions.
        bottleneck_ratio: channels within a block over those of its output.
        se_ratio: channels of a squeeze-and-excitation over those of the block's input: 0.25 in
            RegNetY, 0 in RegNetX, which has none.
        stem_width: channels of the stem.
        out_features: the levels to give, of stem, s1, s2, ...
        norm: name of the normalisation.
        freeze_at: the first so many of stem, s1, s2, ... are not trainable and do not update
            their statistics; 0 for none.

    Raises:
        ValueError: no level is asked for, one does not exist, or a parameter is out of range.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        depth: Depth = 23,
        w_0: PositiveInt = 96,
        w_a: NonNegative = 38.65,
        w_m: Positive = 2.43,
        group_width: PositiveInt = 40,
        bottleneck_ratio: Positive = 1.0,
        se_ratio: NonNegative = 0.0,
        stem_width: PositiveInt = 32,
        out_features: tuple[str, ...] = ("s4",),
        norm: NormName = "FrozenBN",
        freeze_at: NonNegativeInt = 2,
    ) -> None:
        super().__init__()
        plans = plan_stages(
            depth=depth,
            w_0=w_0,
            w_a=w_a,
            w_m=w_m,
            group_width=group_width,
            bottleneck_ratio=bottleneck_ratio,
        )
        levels = ["stem", *(f"s{index + 1}" for index in range(len(plans)))]
        _check_levels(out_features, levels)
        channels = images_shape.channels or 3
        self.stem = Stem(in_channels=channels, out_channels=stem_width, norm=norm)
        shapes = {"stem": TensorShape(channels=stem_width, stride=Stem.stride)}
        channels, stride = stem_width, Stem.stride
        last = max(levels.index(name) for name in out_features)
        for name, plan in zip(levels[1 : last + 1], plans[:last], strict=True):
            style = BlockStyle(norm, se_ratio)
            stage = build_stage(in_channels=channels, plan=plan, stride=_STAGE_STRIDE, style=style)
            self.add_module(name, stage)
            channels, stride = plan.width, stride * _STAGE_STRIDE
            shapes[name] = TensorShape(channels=channels, stride=stride)
        self._level_names = tuple(shapes)
        self._output_shape = {name: shapes[name] for name in shapes if name in out_features}
        self._freeze(freeze_at)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_backbone)

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        features: Features = {}
        x = images.tensor
        for name in self._level_names:
            x = self.get_submodule(name)(x)
            if name in self._output_shape:
                features[name] = x
        return features

    def _freeze(self, num_levels: int) -> None:
        for name in self._level_names[:num_levels]:
            freeze_batch_norm(self.get_submodule(name)).requires_grad_(False)


def _check_levels(out_features: tuple[str, ...], levels: list[str]) -> None:
    if not out_features:
        raise ValueError(f"out_features names no level: take some of {', '.join(levels)}.")
    for name in out_features:
        if name not in levels:
            raise ValueError(f"There is no level '{name}', only {', '.join(levels)}.")
