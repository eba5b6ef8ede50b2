"""Names of classes, which detectron2 has with its datasets and a spec under `metadata`."""

from __future__ import annotations

from composer.importing.architecture import Architecture
from composer.importing.config import Config

# How the names of detectron2's datasets begin; the names of classes that ship; how many they are.
_NAMES = (
    ("keypoints_coco_", "coco_keypoint", 1),
    ("cityscapes_fine_instance_", "cityscapes", 8),
    ("coco_", "coco", 80),
    ("voc_", "pascal_voc", 20),
)
_PANOPTIC, _NUM_STUFF = "coco_panoptic", 54


def find_names(config: Config, model: Architecture) -> str | None:
    """The block with the names of the classes, if the dataset is known and the numbers agree."""
    datasets = [*config.values["DATASETS.TEST"], *config.values["DATASETS.TRAIN"]]
    first = datasets[0] if datasets else ""
    known = [(names, count) for start, names, count in _NAMES if first.startswith(start)]
    if not known:
        return None
    names, count = known[0]
    if model.has_semantics:
        if "panoptic" not in first or _count(config, "SEM_SEG_HEAD") != _NUM_STUFF:
            return None
        names = _PANOPTIC
    if model.heads and _count(config, "ROI_HEADS") != count:
        return None
    if model.name == "RetinaNet" and _count(config, "RETINANET") != count:
        return None
    return f"blocks/{names}_names.yaml"


def _count(config: Config, part: str) -> int:
    count: int = config.values[f"MODEL.{part}.NUM_CLASSES"]
    return count
