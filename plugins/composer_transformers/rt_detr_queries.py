"""The choice of places that become queries, in RT-DETR and D-FINE.

Legend: N images, T tokens, C channels, Q queries, V levels.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from composer.ranges import PositiveInt
from composer.structures import Features, Instances
from composer_transformers.configuration import read_configuration
from composer_transformers.labels import make_box_labels
from composer_transformers.parts import find_function, install_parts
from composer_transformers.ports import (
    Denoising,
    MapSizes,
    ProposalBoxes,
    ProposalLogits,
    Queries,
    ReferenceLogits,
    Tokens,
)
from composer_transformers.rt_detr_encoder import RT_DETR_KINDS
from composer_transformers.seeding import seeded_by

RT_DETR_TOKENS_NAMES = {"layers": "model.decoder_input_proj"}
RT_DETR_QUERIES_NAMES = {
    "denoising_class_embed": "model.denoising_class_embed",
    "weight_embedding": "model.weight_embedding",
    "enc_output": "model.enc_output",
    "enc_score_head": "model.enc_score_head",
    "enc_bbox_head": "model.enc_bbox_head",
}


_SIDE = 0.05
_BORDER = 0.01


class RTDetrTokenSequence(NamedTuple):
    """The encoded maps as a sequence.

    Attributes:
        tokens: the places of all levels.
        sizes: of the levels.
    """

    tokens: Tokens
    sizes: MapSizes


class RTDetrTokens(nn.Module):
    """Projects the encoder's maps to the width of the decoder, adds coarser ones, and flattens all.

    Args:
        config: the model's configuration, as in a `config.json`.
    """

    layers: nn.ModuleList

    def __init__(self, *, config: dict[str, Any]) -> None:
        super().__init__()
        configuration = read_configuration(config, kinds=RT_DETR_KINDS)
        install_parts(self, configuration, RT_DETR_TOKENS_NAMES)

    def forward(self, features: Features) -> RTDetrTokenSequence:
        """Returns the tokens, level after level; coarser levels are made from the last map."""
        maps = list(features.values())
        maps += [maps[-1]] * (len(self.layers) - len(maps))
        sources = [layer(one) for layer, one in zip(self.layers, maps, strict=True)]
        sizes = torch.tensor([one.shape[-2:] for one in sources], device=maps[0].device)
        return RTDetrTokenSequence(
            torch.cat([one.flatten(2).transpose(1, 2) for one in sources], dim=1), sizes
        )


class RTDetrQuerySet(NamedTuple):
    """The queries from which the decoder starts; noisy objects come first, in training.

    Attributes:
        contents: features of the chosen places.
        references: their boxes.
        logits: class logits of the chosen places.
        boxes: boxes of the chosen places.
        denoising: the groups of noisy objects; empty without them.
    """

    contents: Queries
    references: ReferenceLogits
    logits: ProposalLogits
    boxes: ProposalBoxes
    denoising: Denoising


class RTDetrQueries(nn.Module):
    """Makes queries of the best places and, in training, of noisy objects.

    It follows Zhao et al. 2024 (RT-DETR, section 4.3) and Zhang et al. 2023 (DINO, section 3.3).

    Args:
        config: the model's configuration, as in a `config.json`.
        num_classes: number of classes, without that of no object.
    """

    enc_output: nn.Module
    enc_score_head: nn.Module
    enc_bbox_head: nn.Module

    def __init__(self, *, config: dict[str, Any], num_classes: PositiveInt) -> None:
        super().__init__()
        self.configuration = read_configuration(config, num_classes, RT_DETR_KINDS)
        install_parts(self, self.configuration, RT_DETR_QUERIES_NAMES)
        self.make_noise = find_function(
            self.configuration, "get_contrastive_denoising_training_group"
        )

    def forward(
        self,
        tokens: Tokens,
        sizes: MapSizes,
        generator: torch.Generator,
        targets: list[Instances] | None = None,
    ) -> RTDetrQuerySet:
        """Returns the queries.

        Args:
            tokens: the places of all levels.
            sizes: of the levels.
            generator: of the noise, in training.
            targets: the objects, in training; without them there are no noisy ones.
        """
        anchors, valid = make_place_boxes(sizes, tokens)
        memory = self.enc_output(valid.to(tokens.dtype) * tokens)
        logits = self.enc_score_head(memory)
        boxes = self.enc_bbox_head(memory) + anchors
        best = logits.max(-1).values.topk(self.configuration.num_queries, dim=1).indices
        references = _pick(boxes, best)
        contents = self._choose_contents(memory, best)
        noise = self._add_noise(targets, tokens, generator)
        proposals = (_pick(logits, best), references.sigmoid())
        if noise is None:
            return RTDetrQuerySet(contents, references.detach(), *proposals, {})
        noisy, noisy_boxes, mask, groups = noise
        return RTDetrQuerySet(
            torch.cat([noisy, contents], dim=1),
            torch.cat([noisy_boxes, references], dim=1).detach(),
            *proposals,
            {"mask": mask, **groups},
        )

    def _choose_contents(self, memory: Tensor, best: Tensor) -> Float[Tensor, "N Q C"]:
        if self.configuration.learn_initial_query:
            weight: Tensor = self.get_submodule("weight_embedding").weight  # type: ignore[assignment]
            return weight.tile([len(memory), 1, 1])
        return _pick(memory, best).detach()

    def _add_noise(
        self, targets: list[Instances] | None, tokens: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Mapping[str, Any]] | None:
        values = self.configuration
        if not self.training or targets is None or values.num_denoising <= 0:
            return None
        if not any(len(one) for one in targets):
            return None
        with seeded_by(generator):
            noisy, boxes, mask, groups = self.make_noise(
                targets=make_box_labels(targets, tokens),
                num_classes=values.num_labels,
                num_queries=values.num_queries,
                class_embed=self.get_submodule("denoising_class_embed"),
                num_denoising_queries=values.num_denoising,
                label_noise_ratio=values.label_noise_ratio,
                box_noise_scale=values.box_noise_scale,
            )
        return noisy, boxes, mask, groups


def make_place_boxes(
    sizes: MapSizes, like: Tensor
) -> tuple[Float[Tensor, "1 T 4"], Bool[Tensor, "1 T 1"]]:
    """Returns the logits of a box at each place, and the places whose box is not at the border.

    Boxes are squares of a side of 0.05 of the image on the finest level, doubled for each other.

    Args:
        sizes: of the levels.
        like: gives the device and the dtype.
    """
    levels = []
    for level, (height, width) in enumerate(sizes.tolist()):
        y, x = (torch.arange(n, device=like.device).to(like.dtype) for n in (height, width))
        y, x = torch.meshgrid((y + 0.5) / height, (x + 0.5) / width, indexing="ij")
        side = torch.full_like(x, _SIDE * 2.0**level)
        levels.append(torch.stack([x, y, side, side], dim=-1).reshape(1, -1, 4))
    boxes = torch.cat(levels, dim=1)
    valid = ((boxes > _BORDER) & (boxes < 1 - _BORDER)).all(-1, keepdim=True)
    logits = torch.log(boxes / (1 - boxes))
    return logits.masked_fill(~valid, torch.finfo(like.dtype).max), valid


def _pick(rows: Float[Tensor, "N T C"], best: Tensor) -> Float[Tensor, "N Q C"]:
    """The rows of the chosen places."""
    return rows.gather(1, best.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))
