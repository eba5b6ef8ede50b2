"""Checkpoints of transformers' detectors, with the names that their weights have in our graphs."""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from composer_transformers.file_names import read_file_names
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
        names = read_file_names(tensors, kind)
        named = {names[key]: tensor for key, tensor in tensors.items()}
        whole = fill_places(named, kind)
        unused = _find_unused(whole, kind)
        return {rename_key(key, kind): tensor for key, tensor in whole.items() if key not in unused}


# The families of model types.
FAMILY_OF = {
    "detr": "detr",
    "conditional_detr": "detr",
    "deformable_detr": "deformable_detr",
    "rt_detr": "rt_detr",
    "rt_detr_v2": "rt_detr",
    "d_fine": "d_fine",
    "yolos": "yolos",
    "mask2former": "mask2former",
    "maskformer": "maskformer",
}
# Those of model types with masks, whose detector is a part.
SEGMENTATION_FAMILY_OF = {
    "detr": "detr_segmentation",
    "conditional_detr": "conditional_detr_segmentation",
}
_SIGNS = (
    ("d_fine", r"model\.decoder\.lqe_layers\."),
    ("rt_detr", r"model\.encoder\.pan_blocks\."),
    ("deformable_detr", r"model\.level_embed"),
    ("mask2former", r"model\.transformer_module\.queries_features\."),
    ("maskformer", r"model\.transformer_module\.queries_embedder\."),
    ("yolos", r"vit\.embeddings\.detection_tokens"),
    *(
        (family, rf"{kind}\.model\.query_position_embeddings\.weight")
        for kind, family in SEGMENTATION_FAMILY_OF.items()
    ),
    ("detr", r"model\.query_position_embeddings\.weight"),
)


def find_kind(keys: Collection[str]) -> str | None:
    """Finds the family of a checkpoint by the names of its weights."""
    for kind, sign in _SIGNS:
        if any(re.match(sign, key) for key in keys):
            return kind
    return None


# Of a Deformable DETR of two stages, whose other predictors are beside the model.
_FIRST_STAGE = re.compile(r"model\.decoder\.(class_embed|bbox_embed)\.\d+\.(.+)")


def rename_key(key: str, kind: str) -> str:
    """Returns the name of a weight in our graphs; an unknown one keeps its name."""
    if kind == "deformable_detr" and (match := _FIRST_STAGE.fullmatch(key)):
        return f"queries.{match[1]}.{match[2]}"
    for theirs, ours in WEIGHT_NAMES[kind]:
        if key == theirs or key.startswith(f"{theirs}."):
            return ours + key.removeprefix(theirs)
    return key


def _find_unused(tensors: Mapping[str, Tensor], kind: str) -> set[str]:
    """Further places of shared weights, of which our graphs have one."""
    places = [key for key in tensors if (found := _PREDICTOR.fullmatch(key)) and not found[1]]
    if kind == "deformable_detr":
        last = max(_find_layers(tensors, kind), default=0)
        inside = {f"{_INSIDE}{key}" for key in places}
        if not any(key.startswith("model.enc_output.") for key in tensors):
            return inside
        first = tuple(f"{part}.{last}." for part in ("class_embed", "bbox_embed"))
        of_queries = {key for key in places if key.startswith(first)}
        return (inside - {f"{_INSIDE}{key}" for key in of_queries}) | of_queries
    return set(places) if kind in _WITH_PREDICTORS else set()


# Predictors of the layers of a decoder: beside the model, inside its decoder or in both places,
# and one for all layers or one for each. Files hold shared weights once.
_PREDICTOR = re.compile(r"(model\.decoder\.)?(class_embed|bbox_embed)\.(\d+)\.(.+)")
_INSIDE = "model.decoder."
_LAYERS = re.compile(r"model\.decoder\.layers\.(\d+)\.")
_LQE_LAYERS = re.compile(r"model\.decoder\.lqe_layers\.(\d+)\.")
_WITH_PREDICTORS = ("rt_detr", "d_fine", "deformable_detr")


def fill_places(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Returns tensors with an entry for each place of weights that transformers shares.

    Args:
        tensors: under the names that they have in transformers' model.
        kind: the family of the model.
    """
    if kind not in _WITH_PREDICTORS:
        return dict(tensors)
    found = {key: tensor for key, tensor in tensors.items() if not _PREDICTOR.fullmatch(key)}
    layers = _find_layers(tensors, kind)
    for key in tensors:
        match = _PREDICTOR.fullmatch(key)
        if match is None:
            continue
        _, part, number, rest = match.groups()
        for layer in {int(number), *(layers if number == "0" else ())}:
            name = f"{part}.{layer}.{rest}"
            choices = (_INSIDE + name, name, key)
            tensor = next(tensors[one] for one in choices if one in tensors)
            found[_INSIDE + name] = found[name] = tensor
    return found


def _find_layers(tensors: Collection[str], kind: str) -> set[int]:
    pattern = _LQE_LAYERS if kind == "d_fine" else _LAYERS
    layers = {int(match[1]) for key in tensors if (match := pattern.match(key))}
    if kind == "deformable_detr" and any(key.startswith("model.enc_output.") for key in tensors):
        layers.add(max(layers, default=-1) + 1)  # of the first of two stages
    return layers
