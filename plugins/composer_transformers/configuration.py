"""Configurations of transformers' models, from plain values.

Nothing is fetched, and no code is run that comes with a model.
"""

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from composer_transformers.library import load_library


class Family(NamedTuple):
    """The classes of a kind of model.

    Attributes:
        architecture: the model with its heads.
        losses: the weights of the losses by name, and the configuration's name of each weight;
            none where the losses are weighted already.
    """

    architecture: str
    losses: Mapping[str, str | None]


_SET_LOSSES = {
    "loss_ce": None,
    "loss_bbox": "bbox_loss_coefficient",
    "loss_giou": "giou_loss_coefficient",
    "loss_mask": "mask_loss_coefficient",
    "loss_dice": "dice_loss_coefficient",
}
FAMILIES = {
    "detr": Family("DetrForObjectDetection", _SET_LOSSES),
    "conditional_detr": Family("ConditionalDetrForObjectDetection", _SET_LOSSES),
    "deformable_detr": Family("DeformableDetrForObjectDetection", _SET_LOSSES),
    "rt_detr": Family("RTDetrForObjectDetection", {}),
    "rt_detr_v2": Family("RTDetrV2ForObjectDetection", {}),
    "d_fine": Family("DFineForObjectDetection", {}),
    "yolos": Family("YolosForObjectDetection", _SET_LOSSES),
    "mask2former": Family("Mask2FormerForUniversalSegmentation", {}),
    "maskformer": Family("MaskFormerForInstanceSegmentation", {}),
}

# Code that comes with a model, and where it is fetched from.
_CODE = ("auto_map", "trust_remote_code", "custom_pipelines")


def read_configuration(
    config: Mapping[str, Any], num_classes: int | None = None, kinds: tuple[str, ...] = ()
) -> Any:
    """Makes the configuration of a model.

    Args:
        config: what differs from transformers' defaults, as in a `config.json`; `model_type` is
            needed.
        num_classes: number of classes, without that of no object; by default the configuration's.
        kinds: the model types that are possible here; all by default.

    Raises:
        ValueError: the model type is missing or is another one, or the configuration would fetch
            something.
    """
    values = without_code(config)
    kind = values.pop("model_type", None)
    known = kinds or tuple(FAMILIES)
    if kind not in known:
        raise ValueError(f"config: {_describe_unknown(kind, known)}")
    if num_classes is not None:
        names = values.get("id2label") or {}
        if len(names) != num_classes:
            values = {k: v for k, v in values.items() if k not in ("id2label", "label2id")}
            values["num_labels"] = num_classes
    values = _name_backbone(values)
    try:
        return load_library().CONFIG_MAPPING[kind](**values)
    except Exception as error:  # of several kinds, as its classes check themselves
        reason = " ".join(str(error).split())
        raise ValueError(f"config: {type(error).__name__}: {reason}") from error


def count_classes(num_things: int | None, num_stuff: int) -> int:
    """Returns the number of a model's classes, those of things and those of stuff.

    Raises:
        ValueError: there are none.
    """
    count = (num_things or 0) + num_stuff
    if not count:
        raise ValueError("num_classes: there are no classes, neither of things nor of stuff.")
    return count


def without_code(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without the names of code that comes with a model, which is never run."""
    return {key: value for key, value in config.items() if key not in _CODE}


def _describe_unknown(kind: object, known: tuple[str, ...]) -> str:
    if kind is None:
        return f"there is no model_type; it is one of {', '.join(known)}"
    close = difflib.get_close_matches(str(kind), known, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"It is one of {', '.join(known)}."
    return f"model_type is '{kind}'. {hint}"


def _name_backbone(values: dict[str, Any]) -> dict[str, Any]:
    """Gives a backbone that is named only its configuration, which would be looked up on a hub."""
    values = {**values, "use_pretrained_backbone": False}
    backbone = values.get("backbone")
    if backbone is None or values.get("backbone_config") is not None:
        return {k: v for k, v in values.items() if k != "use_pretrained_backbone" or backbone}
    if not values.get("use_timm_backbone", "/" not in backbone):
        raise ValueError(
            f"config: the backbone '{backbone}' is named without its configuration, which would "
            "have to be fetched: give `backbone_config`."
        )
    options = values.pop("backbone_kwargs", None) or {}
    if options:
        values["backbone_config"] = {"model_type": "timm_backbone", "backbone": backbone, **options}
        for key in ("backbone", "use_timm_backbone", "use_pretrained_backbone"):
            values.pop(key, None)
    return values
