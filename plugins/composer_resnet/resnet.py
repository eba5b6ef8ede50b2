"""Residual networks from ResNet-18 to ResNet-152, ResNeXt, and deformable ones."""

from typing import Any, Literal, TypeAlias

from torch import nn

from composer.layers import NormName, Optimization, call_block, freeze_batch_norm
from composer.ranges import NonNegative, NonNegativeInt, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_resnet.blocks import Stem
from composer_resnet.fused_blocks import OPTIMIZATION
from composer_resnet.stages import STAGE_NAMES, BlockStyle, Depth, plan_stages

LevelName: TypeAlias = Literal["stem", "res2", "res3", "res4", "res5"]


class ResNet(nn.Module):
    """A residual network that returns its stages' feature maps (He et al. 2016; Xie et al. 2017).

    Stages after the last one of `out_features` are not built.

    Args:
        images_shape: what comes in.
        depth: number of layers.
        out_features: the levels to give, of stem and res2 to res5.
        norm: name of the normalisation.
        norm_eps: added to its variance; the normalisation's own by default.
        stem_out_channels: channels of the stem.
        res2_out_channels: channels of res2; each later stage has twice as many. A depth of 18 or
            34 needs 64.
        num_groups: groups of the 3x3 convolutions; more than 1 makes a ResNeXt.
        width_per_group: channels of a group in res2.
        stride_in_1x1: whether stages stride in their first 1x1 convolution (MSRA's weights), not
            in the 3x3 one.
        res5_dilation: 2 keeps res5 at the resolution of res4, with dilated convolutions (DC5).
        deform_on_per_stage: whether res2, res3, res4 and res5 have deformable 3x3 convolutions.
        deform_modulated: whether these weight their samples (the second version).
        deform_num_groups: sets of offsets of a deformable convolution, each for as many channels.
        freeze_at: the first so many of stem, res2, res3, ... are not trainable and do not update
            their statistics; 0 for none.

    Raises:
        ValueError: no level is asked for, or a ResNet-18 or -34 has what only bottlenecks have.
    """

    recomputes_blocks = True

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        depth: Depth = 50,
        out_features: tuple[LevelName, ...] = ("res4",),
        norm: NormName = "FrozenBN",
        norm_eps: NonNegative | None = None,
        stem_out_channels: PositiveInt = 64,
        res2_out_channels: PositiveInt = 256,
        num_groups: PositiveInt = 1,
        width_per_group: PositiveInt = 64,
        stride_in_1x1: bool = True,
        res5_dilation: Literal[1, 2] = 1,
        deform_on_per_stage: tuple[bool, bool, bool, bool] = (False, False, False, False),
        deform_modulated: bool = False,
        deform_num_groups: PositiveInt = 1,
        freeze_at: NonNegativeInt = 2,
    ) -> None:
        super().__init__()
        style = BlockStyle(
            depth, norm, num_groups, stride_in_1x1, deform_modulated, deform_num_groups
        )
        _check_configuration(style, out_features, res5_dilation, deform_on_per_stage)
        self.stem = Stem(
            in_channels=images_shape.channels or 3, out_channels=stem_out_channels, norm=norm
        )
        stages = plan_stages(
            depth=depth,
            num_stages=max(_count_stages(name) for name in out_features),
            stem_out_channels=stem_out_channels,
            res2_out_channels=res2_out_channels,
            bottleneck_channels=num_groups * width_per_group,
            res5_dilation=res5_dilation,
            deform_on_per_stage=deform_on_per_stage,
        )
        shapes = {"stem": TensorShape(channels=stem_out_channels, stride=Stem.stride)}
        stride = Stem.stride
        for stage in stages:
            self.add_module(stage.name, stage.build(style))
            stride *= stage.stride
            shapes[stage.name] = TensorShape(channels=stage.out_channels, stride=stride)
        self._level_names = tuple(shapes)
        self._output_shape: dict[str, TensorShape] = {
            name: shape for name, shape in shapes.items() if name in out_features
        }
        if norm_eps is not None:
            self._set_norm_eps(norm_eps)
        self._freeze(freeze_at)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    def layer_depth(self, name: str) -> int:
        """Returns the number of layers from a parameter to the output, for layer-wise decay."""
        return len(self._level_names) - self._level_names.index(name.partition(".")[0])

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return OPTIMIZATION

    def forward(self, images: ImageList) -> Features:
        """Returns the feature maps that were asked for, by name, finest first."""
        features: Features = {}
        x = images.tensor
        for name in self._level_names:
            x = call_block(self.get_submodule(name), x)
            if name in self._output_shape:
                features[name] = x
        return features

    def _set_norm_eps(self, eps: float) -> None:
        norms: list[Any] = [module for module in self.modules() if hasattr(module, "eps")]
        for norm in norms:
            norm.eps = eps

    def _freeze(self, num_levels: int) -> None:
        for name in self._level_names[:num_levels]:
            level = freeze_batch_norm(self.get_submodule(name))
            level.requires_grad_(False)


def _count_stages(level: LevelName) -> int:
    """Returns how many stages it takes to get to a level."""
    return 0 if level == "stem" else STAGE_NAMES.index(level) + 1


def _check_configuration(
    style: BlockStyle,
    out_features: tuple[LevelName, ...],
    res5_dilation: int,
    deform_on_per_stage: tuple[bool, ...],
) -> None:
    if not out_features:
        raise ValueError("out_features names no level: take some of stem, res2, res3, res4, res5.")
    if style.is_basic and (style.num_groups != 1 or res5_dilation != 1):
        raise ValueError(
            f"A ResNet-{style.depth} has no bottlenecks: num_groups and res5_dilation must be 1."
        )
    if style.is_basic and any(deform_on_per_stage):
        raise ValueError(
            f"A ResNet-{style.depth} has no bottlenecks: deform_on_per_stage must be false."
        )
