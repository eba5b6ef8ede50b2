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
    num_things = _count(config, "ROI_HEADS") if model.heads else None
    if model.name == "RetinaNet":
        num_things = _count(config, "RETINANET")
    num_stuff = _count(config, "SEM_SEG_HEAD") if model.has_semantics else None
    return find_names_of(first, num_things, num_stuff)


def find_names_of(dataset: str, num_things: int | None, num_stuff: int | None) -> str | None:
    """The block with the names of the classes of one of detectron2's datasets.

    Args:
        dataset: its name, such as `coco_2017_val`.
        num_things: number of classes of instances of the model; None where it has none.
        num_stuff: number of classes of semantic segmentation; None where it has none.
    """
    known = [(names, count) for start, names, count in _NAMES if dataset.startswith(start)]
    if not known:
        return None
    names, count = known[0]
    if num_stuff is not None:
        if "panoptic" not in dataset or num_stuff != _NUM_STUFF:
            return None
        names = _PANOPTIC
    if num_things is not None and num_things != count:
        return None
    return f"blocks/{names}_names.yaml"


def _count(config: Config, part: str) -> int:
    count: int = config.values[f"MODEL.{part}.NUM_CLASSES"]
    return count
