"""Masks of DETR's queries (Carion et al. 2020, section 4.4).

Legend: N images. `_` is a map's height and width.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.structures import Features
from composer_transformers.configuration import read_configuration
from composer_transformers.mask_ports import QueryMasks
from composer_transformers.parts import install_parts
from composer_transformers.ports import QueryStates, TokenMask, Tokens

DETR_SEGMENTATION = {
    "detr": "DetrForSegmentation",
    "conditional_detr": "ConditionalDetrForSegmentation",
}
DETR_MASK_KINDS = tuple(DETR_SEGMENTATION)
DETR_MASKS_NAMES = {"mask_head": "mask_head", "bbox_attention": "bbox_attention"}
_NUM_FINER = 3  # maps, with which the masks are refined


class DetrMasks(nn.Module):
    """Predicts a mask from each query: where it attends to, refined with finer and finer maps.

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    mask_head: nn.Module
    bbox_attention: nn.Module

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=DETR_MASK_KINDS)
        architecture = DETR_SEGMENTATION[configuration.model_type]
        install_parts(self, configuration, DETR_MASKS_NAMES, architecture=architecture)

    def forward(
        self,
        states: QueryStates,
        memory: Tokens,
        tokens: Tokens,
        mask: TokenMask,
        features: Features,
    ) -> QueryMasks:
        """Returns the mask logits of each query after the last layer.

        Args:
            states: decoded queries.
            memory: encoded tokens.
            tokens: the same before the encoder.
            mask: the tokens that lie in the image.
            features: of the backbone, finest first; the tokens are those of the last one.
        """
        maps = list(features.values())
        size = (maps[-1].shape[-2], maps[-1].shape[-1])
        encoded, projected = (_unflatten(one, size) for one in (memory, tokens))
        outside = ~mask.view(len(mask), 1, 1, *size)
        penalty = torch.zeros_like(outside, dtype=encoded.dtype)
        penalty = penalty.masked_fill(outside, torch.finfo(encoded.dtype).min)
        attended = self.bbox_attention(states[-1], encoded, attention_mask=penalty)
        finer = maps[:_NUM_FINER][::-1]
        found: Tensor = self.mask_head(
            features=projected, attention_masks=attended, fpn_features=finer
        )
        return found.view(1, len(memory), -1, found.shape[-2], found.shape[-1])


def _unflatten(tokens: Tokens, size: tuple[int, int]) -> Float[Tensor, "N C _ _"]:
    """Tokens as a map."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)
