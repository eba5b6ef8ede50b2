"""The plain vision transformer as a backbone.

Legend: N images.
"""

from typing import TypeAlias

import torch
from torch import nn

from composer.layers import Optimization, call_block, drops_paths, fold_norms
from composer.ranges import Chance, Depth, NonNegative, NonNegativeInt, Positive, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_vit.absolute_positions import add_positions, make_positions
from composer_vit.layer_depth import find_layer_depth
from composer_vit.mlp import init_transformer
from composer_vit.patch_embedding import PatchEmbedding
from composer_vit.resized_positions import resize_positions
from composer_vit.vit.vit_block import ViTBlock

BlockIndexes: TypeAlias = tuple[NonNegativeInt, ...]


class ViTBackbone(nn.Module):
    """A plain vision transformer whose blocks attend within windows, but for some global ones.

    It returns one map, `last_feat`, at the stride of a patch (Dosovitskiy et al. 2021; Li et al.
    2022, ViTDet). Positions fit images of any size by interpolation; `img_size` is the size for
    which the tables of relative positions have a vector for each distance.

    Args:
        images_shape: what comes in.
        img_size: side of the (square) images in pixels, a multiple of `patch_size`.
        patch_size: side of a patch in pixels.
        embed_dim: channels of the map.
        depth: number of blocks.
        num_heads: heads of each attention.
        mlp_ratio: channels between the two linear layers of a block, relative to `embed_dim`.
        qkv_bias: whether queries, keys and values have a bias.
        drop_path_rate: how likely an image passes the last block by in training (Huang et al.
            2016); less likely the earlier the block.
        use_abs_pos: whether a vector of its place is added to each patch.
        use_rel_pos: whether attention has tables of relative positions, decomposed into rows and
            columns.
        window_size: side of a window in patches; 0 for attention to the whole map everywhere.
        window_block_indexes: the blocks, from 0, that attend within windows.
        residual_block_indexes: the blocks that end with convolutions.
        pretrain_img_size: side of the images, in pixels, that absolute positions were trained on.
        pretrain_use_cls_token: whether the first of them is that of a class token.
        norm_eps: added to the variance of the normalisations.

    Raises:
        ValueError: there is no such block, the heads do not divide `embed_dim`, or `img_size` is
            no multiple of `patch_size`.
    """

    recomputes_blocks = True
    resize_tensor = staticmethod(resize_positions)

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        img_size: PositiveInt = 1024,
        patch_size: PositiveInt = 16,
        embed_dim: PositiveInt = 768,
        depth: Depth = 12,
        num_heads: PositiveInt = 12,
        mlp_ratio: Positive = 4.0,
        qkv_bias: bool = True,
        drop_path_rate: Chance = 0.0,
        use_abs_pos: bool = True,
        use_rel_pos: bool = False,
        window_size: NonNegativeInt = 0,
        window_block_indexes: BlockIndexes = (),
        residual_block_indexes: BlockIndexes = (),
        pretrain_img_size: PositiveInt = 224,
        pretrain_use_cls_token: bool = True,
        norm_eps: NonNegative = 1e-6,
    ) -> None:
        super().__init__()
        _check_heads(embed_dim, num_heads)
        _check_indexes("window_block_indexes", window_block_indexes, depth)
        _check_indexes("residual_block_indexes", residual_block_indexes, depth)
        self.patch_embed = PatchEmbedding(
            in_channels=images_shape.channels or 3,
            out_channels=embed_dim,
            kernel_size=patch_size,
            stride=patch_size,
        )
        self.has_class_token = pretrain_use_cls_token
        self.pos_embed: nn.Parameter | None = None
        if use_abs_pos:
            self.pos_embed = make_positions(
                pretrain_img_size, patch_size, embed_dim, has_class_token=pretrain_use_cls_token
            )
        side = _count_patches(img_size, patch_size)
        rates = torch.linspace(0, drop_path_rate, depth, device="cpu").tolist()
        self.blocks = nn.ModuleList()
        for index in range(depth):
            window = window_size if index in window_block_indexes else 0
            block = ViTBlock(
                embed_dim,
                num_heads=num_heads,
                mlp_channels=int(embed_dim * mlp_ratio),
                qkv_bias=qkv_bias,
                window_size=window,
                table_size=(window or side,) * 2 if use_rel_pos else None,
                drop_rate=rates[index],
                has_residual_convs=index in residual_block_indexes,
                norm_eps=norm_eps,
            )
            self.blocks.append(block)
        self._output_shape = {"last_feat": TensorShape(embed_dim, stride=patch_size)}
        init_transformer(self)
        if self.pos_embed is not None:
            nn.init.trunc_normal_(self.pos_embed, std=0.02)

    @property
    def draws(self) -> bool:
        """Whether images are dropped in training."""
        return drops_paths(self)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """One level, `last_feat`, at the stride of a patch."""
        return self._output_shape

    def layer_depth(self, name: str) -> int:
        """Returns the number of layers from a parameter to the output, for layer-wise decay."""
        return 0 if ".residual." in name else find_layer_depth(name, len(self.blocks))

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList, generator: torch.Generator | None = None) -> Features:
        """Returns the last block's map.

        Args:
            images: normalised and padded.
            generator: what images pass blocks by with; used in training only.
        """
        x = self.patch_embed(images.tensor)
        x = add_positions(x, self.pos_embed, has_class_token=self.has_class_token)
        for block in self.blocks:
            x = call_block(block, x, generator)
        return {"last_feat": x.permute(0, 3, 1, 2)}


def _check_heads(embed_dim: int, num_heads: int) -> None:
    if embed_dim % num_heads:
        raise ValueError(f"{num_heads} heads do not divide the {embed_dim} channels of embed_dim.")


def _check_indexes(name: str, indexes: BlockIndexes, depth: int) -> None:
    for index in indexes:
        if index >= depth:
            raise ValueError(f"{name}: there is no block {index}, the last one is {depth - 1}.")


def _count_patches(img_size: int, patch_size: int) -> int:
    if img_size % patch_size:
        raise ValueError(
            f"img_size is a multiple of patch_size: {img_size} is not of {patch_size}."
        )
    return img_size // patch_size
