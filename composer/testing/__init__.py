"""The testing kit for authors of node types, for any test framework.

`check_node_type` tries one class or function, `check_graph` every node of a graph on its inputs in
a run. Both raise a `ConformanceError` with all reasons. The `random_*` functions make inputs.
"""

from composer.testing.conformance import check_graph, check_node_type
from composer.testing.random_inputs import (
    random_batch,
    random_boxes,
    random_features,
    random_regions,
    random_rotated_boxes,
)

__all__ = [
    "check_graph",
    "check_node_type",
    "random_batch",
    "random_boxes",
    "random_features",
    "random_regions",
    "random_rotated_boxes",
]
