"""Datasets, their samples, and batches of those."""

from composer.data.data_file import DataFile, DatasetDocument, open_datasets, read_data_file
from composer.data.dataset import Dataset, concatenate_datasets
from composer.data.faults import Fault
from composer.data.images import find_images, read_image, read_images
from composer.data.inspection import inspect_dataset
from composer.data.metadata import Metadata
from composer.data.records import Annotation, Proposals, Record, Segment

__all__ = [
    "Annotation",
    "DataFile",
    "Dataset",
    "DatasetDocument",
    "Fault",
    "Metadata",
    "Proposals",
    "Record",
    "Segment",
    "concatenate_datasets",
    "find_images",
    "inspect_dataset",
    "open_datasets",
    "read_data_file",
    "read_image",
    "read_images",
]
