"""The multiscale vision transformer as a backbone.

Legend: N images.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from composer.layers import Optimization, call_block, drops_paths, fold_norms
from composer.ranges import Chance, Depth, NonNegative, NonNegativeInt, Positive, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_vit.absolute_positions import add_positions, make_positions
from composer_vit.layer_depth import find_layer_depth
from composer_vit.mlp import init_transformer
from composer_vit.mvit.block_plans import FIRST_SCALE, BlockPlan, MViTStyle, plan_blocks
from composer_vit.mvit.mvit_block import MViTBlock
from composer_vit.patch_embedding import PatchEmbedding
from composer_vit.resized_positions import resize_positions


class MViTBackbone(nn.Module):
    """A multiscale vision transformer, MViTv2, that returns its stages' maps (Li et al. 2022).

    Levels are scale2, scale3, ..., each with half of the resolution of the one before. Blocks
    attend within windows of pooled keys and values; the last ones of all stages but the first
    attend to the whole map. Blocks after the last one of `out_features` are not built. Defaults
    are those of MViTv2-T.

    Args:
        images_shape: what comes in.
        img_size: side of the images, in pixels, for which the tables of relative positions have a
            vector for each distance; for others they are interpolated.
        patch_kernel: side of what a patch's vector is computed from, in pixels.
        patch_stride: pixels from one patch to the next, a power of two.
        patch_padding: zeros around the image.
        embed_dim: channels of the first stage; each later one has twice as many.
        depth: number of blocks.
        num_heads: heads of each attention of the first stage; they double with the channels.
        last_block_indexes: the last block of each stage, from 0.
        qkv_pool_kernel: side of the convolutions that pool queries, keys and values, odd.
        adaptive_kv_stride: stride of keys and values in the first stage; it halves from stage to
            stage.
        adaptive_window_size: side of the windows in the first stage, in cells, a multiple of
            `adaptive_kv_stride`; it halves from stage to stage. 0 for attention to the whole map
            everywhere.
        residual_pooling: whether the pooled queries are added to what they attend to.
        mlp_ratio: channels between the two linear layers of a block, relative to its output.
        qkv_bias: whether queries, keys and values have a bias.
        drop_path_rate: how likely an image passes the last block by in training (Huang et al.
            2016); less likely the earlier the block.
        norm_eps: added to the variance of the normalisations.
        use_abs_pos: whether a vector of its place is added to each patch.
        use_rel_pos: whether attention has tables of relative positions, decomposed into rows and
            columns.
        rel_pos_zero_init: whether these start with zeros, rather than small random numbers.
        pretrain_img_size: side of the images, in pixels, that absolute positions were trained on.
        pretrain_use_cls_token: whether the first of them is that of a class token.
        out_features: the levels to give.

    Raises:
        ValueError: a level or block does not exist, or sizes do not fit each other.
    """

    recomputes_blocks = True
    resize_tensor = staticmethod(resize_positions)

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        img_size: PositiveInt = 224,
        patch_kernel: PositiveInt = 7,
        patch_stride: PositiveInt = 4,
        patch_padding: NonNegativeInt = 3,
        embed_dim: PositiveInt = 96,
        depth: Depth = 10,
        num_heads: PositiveInt = 1,
        last_block_indexes: tuple[NonNegativeInt, ...] = (0, 2, 7, 9),
        qkv_pool_kernel: PositiveInt = 3,
        adaptive_kv_stride: PositiveInt = 4,
        adaptive_window_size: NonNegativeInt = 56,
        residual_pooling: bool = True,
        mlp_ratio: Positive = 4.0,
        qkv_bias: bool = True,
        drop_path_rate: Chance = 0.0,
        norm_eps: NonNegative = 1e-6,
        use_abs_pos: bool = False,
        use_rel_pos: bool = True,
        rel_pos_zero_init: bool = True,
        pretrain_img_size: PositiveInt = 224,
        pretrain_use_cls_token: bool = True,
        out_features: tuple[str, ...] = ("scale2", "scale3", "scale4", "scale5"),
    ) -> None:
        super().__init__()
        _check_stages(last_block_indexes, depth)
        all_plans = plan_blocks(
            depth=depth,
            last_block_indexes=last_block_indexes,
            embed_dim=embed_dim,
            num_heads=num_heads,
            key_stride=adaptive_kv_stride,
            window_size=adaptive_window_size,
            map_size=img_size // patch_stride,
        )
        plans = _choose_plans(list(all_plans), out_features, use_rel_pos=use_rel_pos)
        self.patch_embed = PatchEmbedding(
            in_channels=images_shape.channels or 3,
            out_channels=embed_dim,
            kernel_size=patch_kernel,
            stride=patch_stride,
            padding=patch_padding,
        )
        self.has_class_token = pretrain_use_cls_token
        self.pos_embed: nn.Parameter | None = None
        if use_abs_pos:
            self.pos_embed = make_positions(
                pretrain_img_size, patch_stride, embed_dim, has_class_token=pretrain_use_cls_token
            )
        style = MViTStyle(
            mlp_ratio, qkv_bias, qkv_pool_kernel, residual_pooling, use_rel_pos, norm_eps
        )
        rates = torch.linspace(0, drop_path_rate, depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(
            MViTBlock(plan, style, drop_rate=rate)
            for plan, rate in zip(plans, rates[: len(plans)], strict=True)
        )
        self._output_shape = self._add_levels(plans, out_features, patch_stride, norm_eps)
        self._init_weights(rel_pos_zero_init)

    @property
    def draws(self) -> bool:
        """Whether images are dropped in training."""
        return drops_paths(self)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    def layer_depth(self, name: str) -> int:
        """Returns the number of layers from a parameter to the output, for layer-wise decay."""
        return find_layer_depth(name, len(self.blocks))

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList, generator: torch.Generator | None = None) -> Features:
        """Returns the normalised maps that were asked for, by name, finest first.

        Args:
            images: normalised and padded.
            generator: what images pass blocks by with; used in training only.
        """
        x = self.patch_embed(images.tensor)
        x = add_positions(x, self.pos_embed, has_class_token=self.has_class_token)
        features: Features = {}
        for block, level in zip(self.blocks, self._levels, strict=True):
            x = call_block(block, x, generator)
            if level in self._output_shape:
                normalized = self.get_submodule(f"{level}_norm")(x)
                features[level] = normalized.permute(0, 3, 1, 2).contiguous()
        return features

    def _add_levels(
        self,
        plans: Sequence[BlockPlan],
        out_features: tuple[str, ...],
        stride: int,
        norm_eps: float,
    ) -> dict[str, TensorShape]:
        """Adds the normalisation of each level that is asked for."""
        self._levels = tuple(plan.level or "" for plan in plans)
        shapes: dict[str, TensorShape] = {}
        for plan in plans:
            stride *= plan.query_stride
            if plan.level is not None and plan.level in out_features:
                norm = nn.LayerNorm(plan.out_channels, eps=norm_eps)
                self.add_module(f"{plan.level}_norm", norm)
                shapes[plan.level] = TensorShape(plan.out_channels, stride=stride)
        return shapes

    def _init_weights(self, rel_pos_zero_init: bool) -> None:
        init_transformer(self)
        for name, parameter in self.named_parameters():
            is_table = name.rpartition(".")[2] in ("rel_pos_h", "rel_pos_w")
            if name == "pos_embed" or (is_table and not rel_pos_zero_init):
                nn.init.trunc_normal_(parameter, std=0.02)


def _check_stages(last_block_indexes: Sequence[int], depth: int) -> None:
    ascends = all(a < b for a, b in itertools.pairwise(last_block_indexes))
    if not last_block_indexes or not ascends:
        raise ValueError(f"last_block_indexes must ascend: {list(last_block_indexes)} do not.")
    if last_block_indexes[-1] >= depth:
        raise ValueError(
            f"last_block_indexes: there is no block {last_block_indexes[-1]}, the last one is "
            f"{depth - 1}."
        )


def _find_last(plans: Sequence[BlockPlan], out_features: Sequence[str]) -> int:
    """Returns the last block that a level needs."""
    ends = {plan.level: index for index, plan in enumerate(plans) if plan.level is not None}
    names = [f"scale{FIRST_SCALE + index}" for index in range(len(ends))]
    if not out_features:
        raise ValueError(f"out_features names no level: take some of {', '.join(names)}.")
    for name in out_features:
        if name not in ends:
            raise ValueError(f"There is no level '{name}', only {', '.join(names)}.")
    return max(ends[name] for name in out_features)


def _choose_plans(
    plans: Sequence[BlockPlan], out_features: Sequence[str], *, use_rel_pos: bool
) -> Sequence[BlockPlan]:
    """Returns the checked plans of the blocks up to the last one that a level needs."""
    chosen = plans[: _find_last(plans, out_features) + 1]
    for plan in chosen:
        _check_plan(plan, use_rel_pos)
    return chosen


def _check_plan(plan: BlockPlan, use_rel_pos: bool) -> None:
    if plan.out_channels % plan.num_heads:
        raise ValueError(f"{plan.num_heads} heads do not divide {plan.out_channels} channels.")
    for stride in (plan.query_stride, plan.key_stride):
        if plan.window_size % stride:
            raise ValueError(
                f"adaptive_window_size: a window of {plan.window_size} cells is not divided by "
                f"the stride {stride} of its queries or keys."
            )
    if use_rel_pos and plan.table_length < 1:
        raise ValueError("img_size is too small: the last stage has no cells.")
