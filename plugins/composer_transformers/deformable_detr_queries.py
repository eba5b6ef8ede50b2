"""The object queries of Deformable DETR.

Legend: N images, T tokens, Q queries, C channels.
"""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer_transformers.configuration import read_configuration
from composer_transformers.deformable_detr_tokens import DEFORMABLE_KINDS, list_sizes
from composer_transformers.parts import install_parts
from composer_transformers.ports import (
    MapSizes,
    Queries,
    QueryPositions,
    ReferencePoints,
    TokenMask,
    Tokens,
)

DEFORMABLE_QUERIES_NAMES = {
    "position_embeddings": "model.query_position_embeddings",
    "reference_points": "model.reference_points",
    "enc_output": "model.enc_output",
    "enc_output_norm": "model.enc_output_norm",
    "pos_trans": "model.pos_trans",
    "pos_trans_norm": "model.pos_trans_norm",
}
_SIDE = 0.05  # of a box at the finest level, as a part of the image
_BORDER = 0.01
_TEMPERATURE = 10000


class DeformableQuerySet(NamedTuple):
    """The queries from which the decoder starts.

    Attributes:
        contents: of the queries.
        positions: their embeddings.
        references: their centres or boxes.
    """

    contents: Queries
    positions: QueryPositions
    references: ReferencePoints


class DeformableDetrQueries(nn.Module):
    """Repeats learned queries for each image, or makes them of its best places (two stages).

    It follows Zhu et al. 2021 (Deformable DETR, section 4.2).

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes.
    """

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        self.configuration = read_configuration(config, num_classes, DEFORMABLE_KINDS)
        install_parts(self, self.configuration, DEFORMABLE_QUERIES_NAMES)
        if self.configuration.two_stage:  # the predictors of the first stage are the last ones
            last = self.configuration.decoder_layers
            install_parts(
                self,
                self.configuration,
                {
                    "class_embed": f"model.decoder.class_embed.{last}",
                    "bbox_embed": f"model.decoder.bbox_embed.{last}",
                },
            )

    def forward(self, memory: Tokens, mask: TokenMask, sizes: MapSizes) -> DeformableQuerySet:
        """Returns the queries of each image.

        Args:
            memory: encoded tokens.
            mask: the tokens that lie in the image.
            sizes: of the levels.
        """
        if self.configuration.two_stage:
            return self._choose(memory, mask, sizes)
        weight = self.get_parameter("position_embeddings.weight")
        positions, contents = weight.unsqueeze(0).expand(len(memory), -1, -1).chunk(2, dim=2)
        references = self.get_submodule("reference_points")(positions).sigmoid()
        return DeformableQuerySet(contents, positions, references)

    def _choose(self, memory: Tokens, mask: TokenMask, sizes: MapSizes) -> DeformableQuerySet:
        """The queries of the best places."""
        boxes = make_place_proposals(mask, sizes, memory)
        valid = boxes.isfinite().all(-1, keepdim=True)
        part = self.get_submodule
        places = part("enc_output_norm")(part("enc_output")(memory.masked_fill(~valid, 0.0)))
        scores = part("class_embed")(places)[..., 0]
        found = part("bbox_embed")(places) + boxes
        best = scores.topk(self.configuration.two_stage_num_proposals, dim=1).indices
        chosen = found.gather(1, best.unsqueeze(-1).expand(-1, -1, 4)).detach()
        embedded = embed_boxes(chosen, self.configuration.d_model // 2)
        positions, contents = part("pos_trans_norm")(part("pos_trans")(embedded)).chunk(2, dim=2)
        return DeformableQuerySet(contents, positions, chosen.sigmoid())


def make_place_proposals(mask: TokenMask, sizes: MapSizes, like: Tensor) -> Float[Tensor, "N T 4"]:
    """Returns the logits of a box at each place; infinite in the padding and at the border.

    Args:
        mask: the places that lie in the image.
        sizes: of the levels.
        like: gives the device and the dtype.
    """
    proposals = []
    lengths = sizes.prod(1).tolist()
    levels = zip(torch.split(mask, lengths, dim=1), list_sizes(sizes), strict=True)
    for level, (part, (height, width)) in enumerate(levels):
        rows = part.reshape(-1, height, width)
        inside = torch.stack([rows[:, 0].sum(1), rows[:, :, 0].sum(1)], dim=1)[:, None, None]
        y, x = (torch.arange(n, device=like.device).to(like.dtype) for n in (height, width))
        y, x = torch.meshgrid(y, x, indexing="ij")
        centers = (torch.stack([x, y], dim=-1)[None] + 0.5) / inside
        sides = torch.full_like(centers, _SIDE * 2.0**level)
        proposals.append(torch.cat([centers, sides], dim=-1).flatten(1, 2))
    boxes = torch.cat(proposals, dim=1)
    valid = ((boxes > _BORDER) & (boxes < 1 - _BORDER)).all(-1, keepdim=True)
    logits = torch.log(boxes / (1 - boxes))
    return logits.masked_fill(~valid | ~mask.unsqueeze(-1), math.inf)


def embed_boxes(boxes: Float[Tensor, "N Q 4"], num_features: int) -> Float[Tensor, "N Q _"]:
    """Returns sines and cosines of the coordinates of boxes.

    Args:
        boxes: as logits.
        num_features: numbers for each coordinate.
    """
    order = torch.arange(num_features, dtype=torch.float32, device=boxes.device)
    scale = _TEMPERATURE ** (2 * torch.div(order, 2, rounding_mode="floor") / num_features)
    angles = (boxes.sigmoid().float() * 2 * math.pi)[..., None] / scale
    waves = torch.stack([angles[..., 0::2].sin(), angles[..., 1::2].cos()], dim=4)
    return waves.flatten(2).to(boxes.dtype)
