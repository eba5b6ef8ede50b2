"""Sets of nodes that run as one: as a module of tensors, in other precision, or on an engine."""

from composer.acceleration.dynamic_dimensions import DynamicDimension
from composer.acceleration.tensor_part import TensorPart, find_entering, find_leaving
from composer.acceleration.value_layout import (
    LayoutError,
    TensorPort,
    ValueLayout,
    record_layout,
)

__all__ = [
    "DynamicDimension",
    "LayoutError",
    "TensorPart",
    "TensorPort",
    "ValueLayout",
    "find_entering",
    "find_leaving",
    "record_layout",
]
