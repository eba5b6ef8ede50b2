"""Datasets written in COCO's and YOLO's formats, and divided into parts."""

from composer.data.conversion.converting import Target, convert_datasets
from composer.data.conversion.data_file_writing import write_data_file
from composer.data.conversion.image_transfer import Pictures
from composer.data.conversion.losses import LossLog
from composer.data.conversion.partition import divide_dataset, find_groups, read_parts
from composer.data.conversion.yolo_writing import YoloTask

__all__ = [
    "LossLog",
    "Pictures",
    "Target",
    "YoloTask",
    "convert_datasets",
    "divide_dataset",
    "find_groups",
    "read_parts",
    "write_data_file",
]
