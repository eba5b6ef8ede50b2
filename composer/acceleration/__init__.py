"""Nodes in other forms for inference: folded, in a lower precision, or sets of them as one."""

from composer.acceleration.dynamic_dimensions import DynamicDimension
from composer.acceleration.optimized_node import OptimizedNode
from composer.acceleration.optimized_nodes import OptimizedNodes, optimize_nodes
from composer.acceleration.precision import PRECISIONS, Precision, cast_down, cast_up
from composer.acceleration.read_optimization import read_optimization
from composer.acceleration.tensor_part import TensorPart, find_entering, find_leaving
from composer.acceleration.value_layout import (
    LayoutError,
    TensorPort,
    ValueLayout,
    record_layout,
)

__all__ = [
    "PRECISIONS",
    "DynamicDimension",
    "LayoutError",
    "OptimizedNode",
    "OptimizedNodes",
    "Precision",
    "TensorPart",
    "TensorPort",
    "ValueLayout",
    "cast_down",
    "cast_up",
    "find_entering",
    "find_leaving",
    "optimize_nodes",
    "read_optimization",
    "record_layout",
]
