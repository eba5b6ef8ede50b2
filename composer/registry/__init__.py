"""Which node types are installed, and how a name becomes one."""

from composer.discovery import Publication
from composer.registry.registry import (
    AUGMENTATION_GROUP,
    DATASET_GROUP,
    EXPORTER_GROUP,
    FORMAT_GROUP,
    MAPPING_GROUP,
    MODEL_FOLDER_GROUP,
    NODE_GROUP,
    TYPE_GROUP,
    Found,
    Registry,
    list_all_faults,
    list_faults,
    short_name,
)

__all__ = [
    "AUGMENTATION_GROUP",
    "DATASET_GROUP",
    "EXPORTER_GROUP",
    "FORMAT_GROUP",
    "MAPPING_GROUP",
    "MODEL_FOLDER_GROUP",
    "NODE_GROUP",
    "TYPE_GROUP",
    "Found",
    "Publication",
    "Registry",
    "list_all_faults",
    "list_faults",
    "short_name",
]
