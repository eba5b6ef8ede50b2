"""The classes that Cityscapes evaluates, their categories, and what images record of them."""

from __future__ import annotations

# Names and ids of the classes, in the order of their training ids.
CLASSES = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17,
    "traffic light": 19, "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23,
    "person": 24, "rider": 25, "car": 26, "truck": 27, "bus": 28, "train": 31, "motorcycle": 32,
    "bicycle": 33,
}  # fmt: skip
THINGS = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")

CATEGORIES = {
    "flat": ("road", "sidewalk"),
    "construction": ("building", "wall", "fence"),
    "object": ("pole", "traffic light", "traffic sign"),
    "nature": ("vegetation", "terrain"),
    "sky": ("sky",),
    "human": ("person", "rider"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
}

# Mean size in pixels of the objects of a class in the training set, from the benchmark's scripts.
MEAN_SIZES = {
    "person": 3462.4756337644,
    "rider": 3930.4788056518,
    "car": 12794.0202738185,
    "truck": 27855.1264367816,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "motorcycle": 6298.7200839748,
    "bicycle": 4672.3249222261,
}

PER_CLASS = 1000  # an object's id is its class's times this, and its number; smaller are classes
INSTANCE_IDS = "instance_ids_file"  # of a record's `extra`: the label image of these ids
