"""The Swin Transformer as a backbone.

Legend: N images, H W height and width of a map, C channels.
"""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization, drops_paths, fold_norms
from composer.ranges import Chance, Depth, NonNegativeInt, Positive, PositiveInt
from composer.structures import Features, ImageList, TensorShape
from composer_vit.absolute_positions import resize_grid
from composer_vit.attention_windows import count_windows
from composer_vit.mlp import init_transformer
from composer_vit.patch_embedding import PatchEmbedding
from composer_vit.resized_positions import resize_bias_table
from composer_vit.swin.swin_attention import index_distances
from composer_vit.swin.swin_stage import SwinStage, SwinStyle

LevelName: TypeAlias = Literal["p0", "p1", "p2", "p3"]
Map = Float[Tensor, "N H W C"]


class SwinBackbone(nn.Module):
    """A Swin Transformer that returns its stages' maps, each normalised (Liu et al. 2021).

    Stage `p0` has the stride of a patch, and each later one twice the stride and the channels.
    Stages after the last one of `out_features` are not built. Images of any size fit.

    Args:
        images_shape: what comes in.
        patch_size: side of a patch in pixels, a power of two.
        embed_dim: channels of the first stage.
        depths: number of blocks of each stage.
        num_heads: heads of each attention, by stage.
        window_size: side of a window in places.
        mlp_ratio: channels between the two linear layers of a block, relative to its map.
        qkv_bias: whether queries, keys and values have a bias.
        drop_path_rate: how likely an image passes the last block by in training (Huang et al.
            2016); less likely the earlier the block.
        ape: whether a vector of its place is added to each patch.
        pretrain_img_size: side of the images, in pixels, that these vectors were trained on.
        patch_norm: whether patches are normalised.
        out_features: the stages to return.
        freeze_at: the first so many of the patches, their positions, p0, p1, ... are not
            trainable; 0 for none.

    Raises:
        ValueError: `depths` and `num_heads` do not go together, heads do not divide the channels,
            or no stage is asked for.
    """

    recomputes_blocks = True

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        patch_size: Literal[1, 2, 4, 8, 16] = 4,
        embed_dim: PositiveInt = 96,
        depths: tuple[Depth, ...] = (2, 2, 6, 2),
        num_heads: tuple[PositiveInt, ...] = (3, 6, 12, 24),
        window_size: PositiveInt = 7,
        mlp_ratio: Positive = 4.0,
        qkv_bias: bool = True,
        drop_path_rate: Chance = 0.2,
        ape: bool = False,
        pretrain_img_size: PositiveInt = 224,
        patch_norm: bool = True,
        out_features: tuple[LevelName, ...] = ("p0", "p1", "p2", "p3"),
        freeze_at: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        _check_stages(embed_dim, depths, num_heads, out_features)
        self.patch_embed = PatchEmbedding(
            in_channels=images_shape.channels or 3,
            out_channels=embed_dim,
            kernel_size=patch_size,
            stride=patch_size,
            has_norm=patch_norm,
        )
        self.patch_size = patch_size
        self.absolute_pos_embed: nn.Parameter | None = None
        if ape:
            side = pretrain_img_size // patch_size
            self.absolute_pos_embed = nn.Parameter(torch.zeros(1, embed_dim, side, side))
        style = SwinStyle(window_size, mlp_ratio, qkv_bias)
        rates = torch.linspace(0, drop_path_rate, sum(depths), device="cpu").tolist()
        num_stages = 1 + max(int(name[1:]) for name in out_features)
        self._depths = depths[:num_stages]
        self.layers = nn.ModuleList()
        self._output_shape: dict[str, TensorShape] = {}
        for stage in range(num_stages):
            channels, first = embed_dim * 2**stage, sum(depths[:stage])
            layer = SwinStage(
                channels,
                style,
                num_heads=num_heads[stage],
                drop_rates=rates[first : first + depths[stage]],
                merges=stage < num_stages - 1,
            )
            self.layers.append(layer)
            if f"p{stage}" in out_features:
                self.add_module(f"norm{stage}", nn.LayerNorm(channels))
                shape = TensorShape(channels, stride=patch_size * 2**stage)
                self._output_shape[f"p{stage}"] = shape
        init_transformer(self)
        if self.absolute_pos_embed is not None:
            nn.init.trunc_normal_(self.absolute_pos_embed, std=0.02)
        self._freeze(freeze_at)

    @property
    def draws(self) -> bool:
        """Whether images are dropped in training."""
        return drops_paths(self)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The stages of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def resize_tensor(cls, name: str, value: Tensor, shape: Sequence[int]) -> Tensor | None:
        """Resizes positions of a checkpoint that was trained with another window or image size."""
        last = name.rpartition(".")[2]
        if last == "relative_position_index":
            return index_distances(math.isqrt(shape[0]))
        if last == "relative_position_bias_table" and value.shape[1:] == tuple(shape[1:]):
            return resize_bias_table(value, shape[0])
        if last == "absolute_pos_embed" and value.shape[:2] == tuple(shape[:2]):
            return resize_grid(value, shape[2], shape[3])
        return None

    def layer_depth(self, name: str) -> int:
        """Returns the number of layers from a parameter to the output, for layer-wise decay."""
        kind, *rest = name.split(".")
        sizes = self._depths
        if kind != "layers":
            return 0 if kind.startswith("norm") else sum(sizes) + 1
        stage = int(rest[0])
        if rest[1] == "downsample":  # a part of the next stage
            return sum(sizes[stage + 1 :])
        return sum(sizes[stage:]) - int(rest[2])

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_norms)

    def forward(self, images: ImageList, generator: torch.Generator | None = None) -> Features:
        """Returns the maps of the stages that were asked for, by name, finest first.

        Args:
            images: normalised and padded.
            generator: what images pass blocks by with; used in training only.
        """
        x = self._embed(images.tensor)
        features: Features = {}
        for stage, layer in enumerate(self.layers):
            own, x = layer(x, generator)
            name = f"p{stage}"
            if name in self._output_shape:
                norm = self.get_submodule(f"norm{stage}")
                features[name] = norm(own).permute(0, 3, 1, 2).contiguous()
        return features

    def _embed(self, x: Float[Tensor, "N _ _ _"]) -> Map:
        """Returns the patches' vectors; images are padded with zeros to whole patches."""
        size, (height, width) = self.patch_size, x.shape[-2:]
        rows, columns = count_windows(height, size), count_windows(width, size)
        x = F.pad(x, (0, columns * size - width, 0, rows * size - height))
        x = self.patch_embed(x)
        if self.absolute_pos_embed is not None:
            grid = resize_grid(self.absolute_pos_embed, x.shape[1], x.shape[2])
            x = x + grid.permute(0, 2, 3, 1)
        return x

    def _freeze(self, num_parts: int) -> None:
        positions = self.absolute_pos_embed
        if num_parts > 0:
            self.patch_embed.requires_grad_(False)
        if num_parts > 1 and positions is not None:
            positions.requires_grad_(False)
        for layer in self.layers[: max(num_parts - 2, 0)]:
            layer.requires_grad_(False)


def _check_stages(
    embed_dim: int, depths: tuple[int, ...], num_heads: tuple[int, ...], names: tuple[str, ...]
) -> None:
    if not names:
        raise ValueError("out_features names no stage: take some of p0, p1, p2, p3.")
    if len(depths) != len(num_heads):
        raise ValueError(
            f"depths has {len(depths)} stages, but num_heads has {len(num_heads)}: one number "
            "of heads for each stage."
        )
    for name in names:
        if int(name[1:]) >= len(depths):
            raise ValueError(f"out_features: there is no stage {name}, depths has {len(depths)}.")
    for stage, heads in enumerate(num_heads):
        if embed_dim * 2**stage % heads:
            raise ValueError(
                f"num_heads: {heads} heads do not divide the {embed_dim * 2**stage} channels of "
                f"p{stage}."
            )
