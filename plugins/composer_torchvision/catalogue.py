"""The detectors whose weights the installed torchvision lists, and their addresses.

Everything is read from torchvision's registry of weights: names, addresses, classes and metrics.
"""

import difflib
from collections.abc import Iterator
from typing import Any

from torchvision import models

_SCHEME = "torchvision://"
_METRICS = {"box_map": "box AP", "mask_map": "mask AP", "kp_map": "keypoint AP"}
_TASKS = {"mask": "instance segmentation", "keypoint": "keypoints"}
_BACKGROUND = 1
_MEGABYTE = 2**20


def catalogue() -> dict[str, Any]:
    """The catalogue, as plain values."""
    return {
        "source": "torchvision's registry of weights",
        "licence": "not stated; torchvision refers to the terms of the training data",
        "entries": list(_list_entries()),
    }


def locate(address: str) -> str:
    """The https address of weights that torchvision lists, of detectors and classifiers.

    Args:
        address: `torchvision://name` for the default weights of a model, or
            `torchvision://name/WEIGHTS` for others.

    Raises:
        ValueError: torchvision lists no such weights.
    """
    name, _, chosen = address.removeprefix(_SCHEME).strip("/").partition("/")
    try:
        listed = models.get_model_weights(name)
    except ValueError:
        alike = difflib.get_close_matches(name, models.list_models(), 1)
        hint = f". Did you mean '{_SCHEME}{alike[0]}'?" if alike else ""
        raise ValueError(f"torchvision has no model '{name}'{hint}") from None
    names = [*(weights.name for weights in listed), "DEFAULT"]
    if (chosen or "DEFAULT") not in names:
        raise ValueError(f"torchvision lists for '{name}' the weights {', '.join(names)}")
    found: str = listed[chosen or "DEFAULT"].url
    return found


def _list_entries() -> Iterator[dict[str, Any]]:
    for name in models.list_models(module=models.detection):
        listed = models.get_model_weights(name)
        for weights in sorted(listed, key=lambda each: each is not listed.DEFAULT):
            yield _describe(name, weights, is_default=weights is listed.DEFAULT)


def _describe(name: str, weights: Any, *, is_default: bool) -> dict[str, Any]:
    metrics: dict[str, float] = next(iter(weights.meta.get("_metrics", {}).values()), {})
    size = weights.meta.get("_file_size")
    return {
        "name": name if is_default else f"{name}/{weights.name}",
        "weights": weights.url,
        "task": next((task for part, task in _TASKS.items() if name.startswith(part)), "detection"),
        "dataset": "COCO",
        "metrics": {_METRICS[key]: value for key, value in metrics.items() if key in _METRICS},
        "spec": f"torchvision/{name}",
        "is_default": is_default,
        "size": None if size is None else round(size * _MEGABYTE),
        **_number_classes(name, weights.meta["categories"]),
        "metadata": _name_classes(name, weights.meta),
    }


def _number_classes(name: str, categories: list[str]) -> dict[str, Any]:
    """The params that let classes count from their first name.

    The region detectors and SSDs of torchvision have a background before their classes, which its
    labels count; the others have as many logits as labels.
    """
    if not _has_background(name):
        return {}
    return {"params": {"num_classes": len(categories) - _BACKGROUND, "first_class": 0}}


def _has_background(name: str) -> bool:
    return "rcnn" in name or name.startswith("ssd")


def _name_classes(name: str, meta: dict[str, Any]) -> dict[str, Any]:
    """The names of classes and keypoints; a label that COCO does not use has a name of its own."""
    first = _BACKGROUND if _has_background(name) else 0
    numbers = range(first, len(meta["categories"]))
    unused = {"N/A", "__background__"}
    names = [meta["categories"][number] for number in numbers]
    found: dict[str, Any] = {
        "thing_classes": [
            f"unused {number}" if name in unused else name
            for number, name in zip(numbers, names, strict=True)
        ],
        "thing_ids": list(numbers),
    }
    if keypoints := meta.get("keypoint_names"):
        found["keypoint_names"] = list(keypoints)
        found["keypoint_flip_pairs"] = [
            [each, each.replace("left", "right")] for each in keypoints if "left" in each
        ]
    return found
