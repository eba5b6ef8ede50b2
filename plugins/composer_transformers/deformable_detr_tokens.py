"""From feature maps to a sequence of tokens of several levels, in Deformable DETR.

Legend: N images, V levels, C channels. `_` is a map's height and width.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from composer.structures import Features, ImageList
from composer_transformers.configuration import read_configuration
from composer_transformers.masks import make_pixel_mask, shrink_mask
from composer_transformers.parts import install_parts
from composer_transformers.ports import MapSizes, TokenMask, TokenPositions, Tokens

DEFORMABLE_KINDS = ("deformable_detr",)
DEFORMABLE_TOKENS_NAMES = {
    "layers": "model.input_proj",
    "position_embedding": "model.position_embedding",
    "level_embed": "model.level_embed",
}


class DeformableTokenSequence(NamedTuple):
    """The maps of all levels as a sequence.

    Attributes:
        tokens: the places, level after level.
        positions: embeddings of the places and their levels.
        mask: the places that lie in the image.
        sizes: of the levels.
    """

    tokens: Tokens
    positions: TokenPositions
    mask: TokenMask
    sizes: MapSizes


class DeformableDetrTokens(nn.Module):
    """Projects the maps to the width of the transformer, adds coarser ones, and flattens all.

    It follows Zhu et al. 2021 (Deformable DETR, section 4.1 and A.2).

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    layers: nn.ModuleList
    position_embedding: nn.Module
    level_embed: nn.Parameter

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DEFORMABLE_KINDS)
        install_parts(self, configuration, DEFORMABLE_TOKENS_NAMES)

    def forward(self, features: Features, images: ImageList) -> DeformableTokenSequence:
        """Returns the tokens of each image, with the embeddings of their places.

        Args:
            features: the maps, finest first.
            images: for their padding.
        """
        sources = self._project(list(features.values()))
        pixels = make_pixel_mask(images)
        masks = [shrink_mask(pixels, (one.shape[-2], one.shape[-1])) for one in sources]
        positions = [
            self._embed(source, mask) + self.level_embed[level].view(1, -1, 1, 1)
            for level, (source, mask) in enumerate(zip(sources, masks, strict=True))
        ]
        sizes = torch.tensor([one.shape[-2:] for one in sources], device=pixels.device)
        return DeformableTokenSequence(
            torch.cat([one.flatten(2).transpose(1, 2) for one in sources], dim=1),
            torch.cat([one.flatten(2).transpose(1, 2) for one in positions], dim=1),
            torch.cat([one.flatten(1) for one in masks], dim=1),
            sizes,
        )

    def _project(self, maps: list[Float[Tensor, "N _ _ _"]]) -> list[Float[Tensor, "N C _ _"]]:
        """The maps at the width of the transformer; each further level is made from the last."""
        if len(self.layers) < len(maps):  # a model of one level takes the coarsest map
            maps = maps[-len(self.layers) :]
        sources = [layer(one) for layer, one in zip(self.layers, maps, strict=False)]
        for level in range(len(maps), len(self.layers)):
            source = maps[-1] if level == len(maps) else sources[-1]
            sources.append(self.layers[level](source))
        return sources

    def _embed(
        self, source: Float[Tensor, "N C _ _"], mask: Bool[Tensor, "N _ _"]
    ) -> Float[Tensor, "N C _ _"]:
        found: Tensor = self.position_embedding(
            shape=source.shape, device=source.device, dtype=source.dtype, mask=mask
        )
        return found.expand(len(source), -1, -1, -1)


def find_valid_ratios(mask: TokenMask, sizes: MapSizes) -> Float[Tensor, "N V 2"]:
    """Returns the part of each map that lies in the image: of its width, and of its height.

    Args:
        mask: the places that lie in the image.
        sizes: of the levels.
    """
    ratios = []
    lengths = sizes.prod(1).tolist()
    for level, (height, width) in zip(
        torch.split(mask, lengths, dim=1), sizes.tolist(), strict=True
    ):
        rows = level.reshape(-1, height, width)
        ratio = torch.stack([rows[:, 0].sum(1) / width, rows[:, :, 0].sum(1) / height], dim=-1)
        ratios.append(ratio)
    return torch.stack(ratios, dim=1)


def find_starts(sizes: MapSizes) -> Tensor:
    """Returns the number of the first place of each level."""
    ends = sizes.prod(1).cumsum(0)
    return torch.cat([ends.new_zeros(1), ends[:-1]])


def list_sizes(sizes: MapSizes) -> list[tuple[int, int]]:
    """Returns the height and width of each level."""
    return [(height, width) for height, width in sizes.tolist()]
