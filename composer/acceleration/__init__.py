"""Nodes in other forms for inference: folded, in a lower precision, or sets of them as one."""

from composer.acceleration.channels_last import prepare_channels_last
from composer.acceleration.compiled_cache import CompiledCache
from composer.acceleration.compiled_key import update_digest
from composer.acceleration.dense_nodes import is_dense
from composer.acceleration.dynamic_dimensions import DynamicDimension
from composer.acceleration.engine_set import Calibration, EngineSet
from composer.acceleration.engine_sets import EngineSets, find_outputs
from composer.acceleration.engines import (
    NamedEngine,
    check_precision,
    find_engine,
    list_engines,
    wrap_engine,
)
from composer.acceleration.fused_plan import FusibleSet, fuse_plan
from composer.acceleration.node_sets import find_sets, group_named, is_convex
from composer.acceleration.optimized_node import OptimizedNode
from composer.acceleration.optimized_nodes import OptimizedNodes, optimize_nodes
from composer.acceleration.precision import PRECISIONS, cast_down, cast_up
from composer.acceleration.read_optimization import read_optimization
from composer.acceleration.tensor_part import (
    TensorPart,
    find_entering,
    find_failing_node,
    find_leaving,
)
from composer.acceleration.value_layout import (
    LayoutError,
    TensorPort,
    ValueLayout,
    record_layout,
)

__all__ = [
    "PRECISIONS",
    "Calibration",
    "CompiledCache",
    "DynamicDimension",
    "EngineSet",
    "EngineSets",
    "FusibleSet",
    "LayoutError",
    "NamedEngine",
    "OptimizedNode",
    "OptimizedNodes",
    "TensorPart",
    "TensorPort",
    "ValueLayout",
    "cast_down",
    "cast_up",
    "check_precision",
    "find_engine",
    "find_entering",
    "find_failing_node",
    "find_leaving",
    "find_outputs",
    "find_sets",
    "fuse_plan",
    "group_named",
    "is_convex",
    "is_dense",
    "list_engines",
    "optimize_nodes",
    "prepare_channels_last",
    "read_optimization",
    "record_layout",
    "update_digest",
    "wrap_engine",
]
