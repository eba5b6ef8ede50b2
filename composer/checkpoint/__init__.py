"""Checkpoints: read from any known format without running code, matched by node, written whole.

The package is about tensors, their names and namespaces, not about graphs.
"""

from composer.checkpoint.checkpoint import Checkpoint, CheckpointDescription
from composer.checkpoint.checkpoint_keys import (
    NO_MAPPING,
    KeyMapping,
    KeyNaming,
    find_mapping,
    recognise_keys,
)
from composer.checkpoint.expected_tensors import ExpectedTensors
from composer.checkpoint.fitting import ReadingOptions, read_fitting
from composer.checkpoint.load_report import LoadReport, Mismatch, NodeReport
from composer.checkpoint.numpy_file import read_npy, read_npz
from composer.checkpoint.prefix_index import PrefixIndex
from composer.checkpoint.reader import describe_checkpoint, read_checkpoint
from composer.checkpoint.safetensors_file import SafetensorsTensors, read_header
from composer.checkpoint.safetensors_writing import write_safetensors
from composer.checkpoint.tensor_matching import Assignment, Matching, Resize, match_tensors
from composer.checkpoint.torch_file import read_torch_value
from composer.checkpoint.writer import WritableFormat, format_for, write_checkpoint

__all__ = [
    "NO_MAPPING",
    "Assignment",
    "Checkpoint",
    "CheckpointDescription",
    "ExpectedTensors",
    "KeyMapping",
    "KeyNaming",
    "LoadReport",
    "Matching",
    "Mismatch",
    "NodeReport",
    "PrefixIndex",
    "ReadingOptions",
    "Resize",
    "SafetensorsTensors",
    "WritableFormat",
    "describe_checkpoint",
    "find_mapping",
    "format_for",
    "match_tensors",
    "read_checkpoint",
    "read_fitting",
    "read_header",
    "read_npy",
    "read_npz",
    "read_torch_value",
    "recognise_keys",
    "write_checkpoint",
    "write_safetensors",
]
