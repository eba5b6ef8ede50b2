"""Checkpoints of transformers' detectors, with the names that their weights have in our graphs."""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from composer_transformers.weight_names import WEIGHT_NAMES


class TransformersMapping:
    """The key mapping of transformers: of files that it saved, and of its models' state dicts."""

    name = "transformers"
    matches_by_suffix = False

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether these are names of one of transformers' detectors."""
        return find_kind(keys) is not None

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as our graphs name them."""
        kind = find_kind(tensors)
        if kind is None:
            return dict(tensors)
        whole = fill_tied(tensors, kind)
        return {rename_key(key, kind): tensor for key, tensor in whole.items()}


_SIGNS = (
    ("d_fine", r"model\.decoder\.lqe_layers\."),
    ("rt_detr", r"model\.encoder\.pan_blocks\."),
    ("detr", r"model\.query_position_embeddings\.weight"),
)


def find_kind(keys: Collection[str]) -> str | None:
    """Finds the family of a checkpoint by the names of its weights."""
    for kind, sign in _SIGNS:
        if any(re.match(sign, key) for key in keys):
            return kind
    return None


def rename_key(key: str, kind: str) -> str:
    """Returns the name of a weight in our graphs; an unknown one keeps its name."""
    for theirs, ours in WEIGHT_NAMES[kind]:
        if key == theirs or key.startswith(f"{theirs}."):
            return ours + key.removeprefix(theirs)
    return key


# Predictors of the layers of a decoder: beside the model or inside its decoder, and with one
# for all layers or one for each.
_PREDICTOR = re.compile(r"(model\.decoder\.)?(class_embed|bbox_embed)\.(\d+)\.(.+)")
_INSIDE = "model.decoder."
_LAYER = {"d_fine": r"model\.decoder\.lqe_layers\.(\d+)\.", "": r"model\.decoder\.layers\.(\d+)\."}


def fill_tied(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Returns tensors with one entry for each place of those that transformers saved once."""
    if kind not in ("rt_detr", "d_fine"):
        return dict(tensors)
    found = {key: tensor for key, tensor in tensors.items() if not _PREDICTOR.fullmatch(key)}
    pattern = re.compile(_LAYER.get(kind, _LAYER[""]))
    layers = {int(match[1]) for key in tensors if (match := pattern.match(key))}
    for key in tensors:
        match = _PREDICTOR.fullmatch(key)
        if match is None:
            continue
        _, part, number, rest = match.groups()
        for layer in {int(number), *(layers if number == "0" else ())}:
            name = f"{part}.{layer}.{rest}"
            choices = (_INSIDE + name, name, key)
            found[_INSIDE + name] = next(tensors[one] for one in choices if one in tensors)
    return found
