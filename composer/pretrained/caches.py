"""Weights that torchvision, timm and detectron2 have downloaded: their caches on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from composer.pretrained.candidates import Candidate, Normalisation

_IMAGENET = Normalisation("RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_MSRA = Normalisation("BGR", (103.53, 116.28, 123.675), (1.0, 1.0, 1.0))
_HASHED = re.compile(r"(?P<name>[\w.]+?)(?P<coco>_coco)?-[0-9a-f]{8,}\.pth")
_MSRA_FILES = {"R-50": 50, "R-101": 101}
_ZOO = re.compile(r"(?P<name>\w+?)_(?:1|3)x")
_HUB = "models--timm--"


def find_in_caches() -> Iterator[Candidate]:
    """The files in all caches: those of detectors first."""
    yield from _find_of_torch(_cache("TORCH_HOME", "torch") / "hub" / "checkpoints")
    yield from _find_of_detectron2(_find_detectron2_cache())
    yield from _find_of_timm(_find_hub())


def _cache(variable: str, name: str) -> Path:
    """The folder of a library's cache, as the library finds it."""
    if home := os.environ.get(variable):
        return Path(home).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / name


def _find_detectron2_cache() -> Path:
    home = os.environ.get("FVCORE_CACHE") or "~/.torch/iopath_cache"
    return Path(home).expanduser() / "detectron2"


def _find_hub() -> Path:
    """The cache of the Hugging Face hub."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := os.environ.get(variable):
            return Path(folder).expanduser()
    return _cache("HF_HOME", "huggingface") / "hub"


def _find_of_torch(folder: Path) -> Iterator[Candidate]:
    """Torchvision's detectors and classifiers; timm's older classifiers."""
    for file in _list(folder, "*.pth"):
        match = _HASHED.fullmatch(file.name)
        if match and match["coco"]:
            origin = "torch.hub's cache, trained on COCO"
            yield Candidate(str(file), origin, spec=f"torchvision/{match['name']}")
        elif match:
            yield Candidate(
                str(file),
                "torch.hub's cache, trained on ImageNet",
                node_type="torchvision_backbone",
                config={"name": match["name"]},
                normalisation=_IMAGENET,
            )


def _find_of_detectron2(folder: Path) -> Iterator[Candidate]:
    """Models of detectron2's zoo, and the ImageNet classifiers that they begin with."""
    for file in _list(folder, "COCO-*/*/*/model_final_*.pkl"):
        if match := _ZOO.fullmatch(file.parents[1].name):
            spec = re.sub(r"_r_(50|101)_", r"_r\1_", match["name"].lower())
            yield Candidate(str(file), "detectron2's cache, trained on COCO", spec=spec)
    for name, depth in _MSRA_FILES.items():
        for file in _list(folder, f"ImageNetPretrained/MSRA/{name}.pkl"):
            yield Candidate(
                str(file),
                "detectron2's cache, trained on ImageNet",
                node_type="resnet",
                config={"depth": depth, "stride_in_1x1": True},
                normalisation=_MSRA,
            )


def _find_of_timm(folder: Path) -> Iterator[Candidate]:
    """Timm's classifiers in the cache of the Hugging Face hub."""
    found = _list(folder, f"{_HUB}*/snapshots/*/model.safetensors")
    for file in found + _list(folder, f"{_HUB}*/snapshots/*/pytorch_model.bin"):
        name = file.parents[2].name.removeprefix(_HUB)
        for written in dict.fromkeys((name, name.partition(".")[0])):
            yield Candidate(
                str(file),
                "the cache of the Hugging Face hub, by timm",
                node_type="timm_backbone",
                config={"name": written},
            )


def _list(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(file for file in folder.glob(pattern) if file.is_file())
    except OSError:  # a cache that cannot be read is none
        return []
