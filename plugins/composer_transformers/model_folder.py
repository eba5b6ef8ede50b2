"""Folders that transformers' `save_pretrained` writes, as models. transformers is not imported."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FindFile = Callable[[str], Path | None]

_CONFIG = "config.json"
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_WHOLE_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_WEIGHTS = tuple(name for whole in _WHOLE_WEIGHTS for name in (whole, f"{whole}.index.json"))
_MAX_BYTES = 2**24  # of a file of JSON
_SPEC = "detection-composer/transformers/{}"
_MARKS = ("transformers_version", "architectures", "auto_map")

# The specs of model types, by the model's class.
_SPECS = {
    "detr": {"DetrForObjectDetection": "detr", "DetrForSegmentation": "detr_segmentation"},
    "conditional_detr": {
        "ConditionalDetrForObjectDetection": "conditional_detr",
        "ConditionalDetrForSegmentation": "conditional_detr_segmentation",
    },
    "deformable_detr": {"DeformableDetrForObjectDetection": "deformable_detr"},
    "yolos": {"YolosForObjectDetection": "yolos"},
    "rt_detr": {"RTDetrForObjectDetection": "rt_detr"},
    "rt_detr_v2": {"RTDetrV2ForObjectDetection": "rt_detr_v2"},
    "d_fine": {"DFineForObjectDetection": "d_fine"},
    "mask2former": {"Mask2FormerForUniversalSegmentation": "mask2former"},
    "maskformer": {"MaskFormerForInstanceSegmentation": "maskformer"},
}
_OF_MASKS = ("mask2former", "maskformer", "detr_segmentation", "conditional_detr_segmentation")
# Keys of a configuration that describe the file, or that the spec says in another way.
_LEFT_OUT = (
    *("architectures", "transformers_version", "auto_map", "dtype", "torch_dtype"),
    *("_name_or_path", "id2label", "label2id", "num_labels"),
)
_NUMBER = re.compile(r"\d{1,9}")
_DEFAULT_NAME = re.compile(r"LABEL_\d+")
_DEFAULT_CLASSES = 2  # of a configuration that names none


def read_folder(find: FindFile) -> dict[str, Any] | None:
    """Reads the configurations of a model and of its image processor.

    Args:
        find: finds a file of the folder; None where there is none.

    Returns:
        The spec, the file of the weights and their key mapping; None if it is no folder of
        transformers.

    Raises:
        ValueError: the model is none of those that have a spec, or a file cannot be read.
    """
    file = find(_CONFIG)
    if file is None:
        return None
    config = _read_json(file)
    if "model_type" not in config or not any(mark in config for mark in _MARKS):
        return None
    return {
        "spec": _make_spec(config, _read_processor(find)),
        "weights": _find_weights(find),
        "key_mapping": "transformers",
        "note": "; ".join(filter(None, (_describe_code(config), _read_names(config)[1]))),
    }


def _make_spec(config: Mapping[str, Any], processor: Mapping[str, Any]) -> dict[str, Any]:
    name = _find_spec(config)
    names, _ = _read_names(config)
    values = {key: value for key, value in config.items() if key not in _LEFT_OUT}
    num_classes = len(names) or config.get("num_labels") or _DEFAULT_CLASSES
    params = {"config": values, "num_classes": num_classes, **processor}
    spec: dict[str, Any] = {
        "composer": 1,
        "extends": _SPEC.format(name),
        "params": params,
    }
    if names and not all(_DEFAULT_NAME.fullmatch(one) for one in names):
        spec["metadata"] = {"thing_classes": names}
        if name in _OF_MASKS:  # whose classes are those of objects, pixels or segments
            spec["metadata"]["stuff_classes"] = names
    return spec


def _find_spec(config: Mapping[str, Any]) -> str:
    kind, architectures = config["model_type"], config.get("architectures") or []
    if not isinstance(kind, str):
        raise ValueError(f"{_CONFIG}: model_type is the name of a type of model, not {kind!r:.60}")
    if not isinstance(architectures, list) or not all(isinstance(a, str) for a in architectures):
        raise ValueError(
            f"{_CONFIG}: architectures is a list of names of classes, not {architectures!r:.60}"
        )
    if kind not in _SPECS:
        code = " Code that comes with a model is never run." if "auto_map" in config else ""
        raise ValueError(
            f"a model of transformers of the type '{kind:.60}', which has no spec: "
            f"{', '.join(_SPECS)} have one.{code}"
        )
    known = _SPECS[kind]
    for architecture in architectures or list(known)[:1]:
        if architecture not in known:
            raise ValueError(
                f"a model of transformers that is a {architecture:.60}; of this type, "
                f"{' and '.join(known)} {'have' if len(known) > 1 else 'has'} a spec"
            )
        name = known[architecture]
    return name


def _read_names(config: Mapping[str, Any]) -> tuple[list[str], str]:
    """The names of the classes by their numbers, and a remark where they are not from 0 on.

    There are as many classes as names, in transformers, too.
    """
    names = config.get("id2label") or {}
    if (
        not isinstance(names, dict)
        or not all(_NUMBER.fullmatch(str(key)) for key in names)
        or not all(isinstance(name, str | int | float) for name in names.values())
    ):
        raise ValueError(f"{_CONFIG}: id2label does not map the numbers of classes to names")
    by_number = {int(key): str(name) for key, name in names.items()}
    found = [by_number.get(number, f"LABEL_{number}") for number in range(len(names))]
    unnamed = [str(number) for number in range(len(names)) if number not in by_number]
    if not unnamed:
        return found, ""
    lost = [f"{number} ('{name}')" for number, name in by_number.items() if number >= len(names)]
    return found, (
        f"id2label has gaps: the model has {len(names)} classes, of which {', '.join(unnamed)} "
        f"have no name, and names others: {', '.join(lost)}"
    )


def _read_processor(find: FindFile) -> dict[str, Any]:
    for name in _PROCESSORS:
        if (file := find(name)) is None:
            continue
        values = _read_json(file)
        values = values.get("image_processor", values)
        kind = values.get("image_processor_type") or values.get("feature_extractor_type")
        options = {
            key: value
            for key, value in values.items()
            if not key.endswith(("_type", "_class")) and key != "auto_map"
        }
        return {"processor": kind, "processor_options": options} if kind else {}
    return {}


def _find_weights(find: FindFile) -> Path | None:
    """The file of the weights, or the index of several."""
    return next((file for name in _WEIGHTS if (file := find(name)) is not None), None)


def _describe_code(config: Mapping[str, Any]) -> str:
    if "auto_map" in config:
        return "the code that comes with this model is not run: transformers' own is used"
    return ""


def _read_json(file: Path) -> dict[str, Any]:
    if file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{file.name} is larger than {_MAX_BYTES} bytes")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{file.name} holds no mapping")
    return values
