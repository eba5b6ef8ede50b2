"""Datasets and their samples; and images, tensors and stored values as files."""

from composer.data.data_file import DataFile, DatasetDocument, open_datasets, read_data_file
from composer.data.dataset import Dataset, concatenate_datasets
from composer.data.faults import Fault
from composer.data.images import find_images, read_image, read_images
from composer.data.inspection import inspect_dataset
from composer.data.metadata import Metadata
from composer.data.port_values import fit_value, make_records
from composer.data.records import Annotation, Proposals, Record, Segment
from composer.data.stored_values import is_stored_value, read_value, save_value
from composer.data.tensor_files import read_tensors

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
    "fit_value",
    "inspect_dataset",
    "is_stored_value",
    "make_records",
    "open_datasets",
    "read_data_file",
    "read_image",
    "read_images",
    "read_tensors",
    "read_value",
    "save_value",
]
