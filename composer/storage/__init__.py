"""Values that flow through a graph, as files: stored, read again, and made to fit a port."""

from composer.storage.port_values import fit_value, make_records
from composer.storage.stored_values import is_stored_value, read_value, write_value
from composer.storage.structure_forms import find_form
from composer.storage.tensor_files import is_tensor_file, read_tensors
from composer.storage.value_form import UnstorableError, describe_value, restore_value

__all__ = [
    "UnstorableError",
    "describe_value",
    "find_form",
    "fit_value",
    "is_stored_value",
    "is_tensor_file",
    "make_records",
    "read_tensors",
    "read_value",
    "restore_value",
    "write_value",
]
