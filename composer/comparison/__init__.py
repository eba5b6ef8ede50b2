"""Two models compared: structure, weights, values node by node, and detections."""

from composer.comparison.checkpoints import compare_checkpoints
from composer.comparison.comparison import (
    DEFAULT_TOLERANCE,
    Comparison,
    compare_graphs,
    compare_static,
    find_scope,
    translate_names,
)
from composer.comparison.detections import (
    Detection,
    DetectionComparison,
    OutputComparison,
    compare_outputs,
    match_images,
)
from composer.comparison.leaves import ValueDifference, compare_values
from composer.comparison.matching import find_overlaps, pair_best
from composer.comparison.node_values import NodeComparison, ValueComparison
from composer.comparison.opening import ComparedModel, ComparedModels, find_models
from composer.comparison.pairing import Pairing, pair_nodes
from composer.comparison.structure import Change, compare_structure
from composer.comparison.weights import (
    TensorDifference,
    WeightComparison,
    WeightDifference,
    compare_weights,
)

__all__ = [
    "DEFAULT_TOLERANCE",
    "Change",
    "ComparedModel",
    "ComparedModels",
    "Comparison",
    "Detection",
    "DetectionComparison",
    "NodeComparison",
    "OutputComparison",
    "Pairing",
    "TensorDifference",
    "ValueComparison",
    "ValueDifference",
    "WeightComparison",
    "WeightDifference",
    "compare_checkpoints",
    "compare_graphs",
    "compare_outputs",
    "compare_static",
    "compare_structure",
    "compare_values",
    "compare_weights",
    "find_models",
    "find_overlaps",
    "find_scope",
    "match_images",
    "pair_best",
    "pair_nodes",
    "translate_names",
]
