"""Folders that transformers' `from_pretrained` reads, from our graphs."""

import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from composer_transformers.key_mapping import FAMILY_OF, SEGMENTATION_FAMILY_OF, fill_places
from composer_transformers.parts import build_on_meta
from composer_transformers.weight_names import WEIGHT_NAMES

_DETECTOR = "losses"  # the node whose configuration has the number of classes
_PREPROCESS = "preprocess"
# The predictors of the first of two stages, which follow those of the decoder's layers.
_FIRST_STAGE = re.compile(r"queries\.(class_embed|bbox_embed)\.(.+)")
_PREDICTOR = re.compile(r"decoder\.class_embed\.(\d+)\.")


def save_pretrained(graph: Any, folder: str | os.PathLike[str]) -> None:
    """Writes a graph of a detector of transformers as transformers' `save_pretrained` does.

    Args:
        graph: a `composer.Graph` of one of the specs `transformers/...`, with all its nodes.
        folder: where `config.json`, `model.safetensors` and `preprocessor_config.json` go.

    Raises:
        ValueError: the graph is none of a detector of transformers.
    """
    configuration = getattr(graph.module(_DETECTOR), "configuration", None)
    if configuration is None:
        raise ValueError("only a graph of a detector of transformers is saved for transformers")
    configuration = type(configuration).from_dict(configuration.to_dict())
    names = _name_labels(graph.spec.metadata, configuration.num_labels)
    if names:
        configuration.id2label = dict(enumerate(names))
        configuration.label2id = {name: number for number, name in enumerate(names)}
    architecture = getattr(graph.module(_DETECTOR), "architecture", None)
    families = SEGMENTATION_FAMILY_OF if architecture else FAMILY_OF
    family = families[configuration.model_type]
    whole = build_on_meta(configuration, architecture)
    _fill(whole, restore_names(graph.state_dict(), family))
    whole.save_pretrained(folder)
    graph.module(_PREPROCESS).processor.save_pretrained(folder)


def _name_labels(metadata: Any, count: int) -> tuple[str, ...]:
    """The names of all classes of a model: those of stuff come after those of things."""
    things, stuff = metadata.thing_classes, metadata.stuff_classes
    return next((names for names in (things, stuff, things + stuff) if len(names) == count), ())


def restore_names(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Returns the weights of a graph with the names that they have in transformers' model.

    Args:
        tensors: the state dict of the graph.
        kind: the family of the model.
    """
    restored = {}
    last = _count_predictors(tensors)
    for key, tensor in tensors.items():
        if kind == "deformable_detr" and (first := _FIRST_STAGE.fullmatch(key)):
            restored[f"{first[1]}.{last}.{first[2]}"] = tensor
        for theirs, ours in WEIGHT_NAMES[kind]:
            if key == ours or key.startswith(f"{ours}."):
                restored[theirs + key.removeprefix(ours)] = tensor
    return fill_places(restored, kind)


def _count_predictors(tensors: Collection[str]) -> int:
    """Counts the predictors of a decoder's layers in the state dict of a graph."""
    return len({match[1] for key in tensors if (match := _PREDICTOR.match(key))})


def _fill(whole: nn.Module, state: Mapping[str, Tensor]) -> None:
    missing = [name for name in whole.state_dict() if name not in state]
    if missing:
        raise ValueError(f"the graph has no weights for {', '.join(missing[:3])} of the model")
    known = whole.state_dict().keys()
    whole.load_state_dict({name: state[name] for name in known}, assign=True)
