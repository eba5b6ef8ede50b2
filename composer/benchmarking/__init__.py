"""Ways of running one model, compared: time, memory, differences and accuracy."""

from composer.benchmarking.benchmark import Benchmark, WayMeasures, benchmark
from composer.benchmarking.differences import Difference, compare_values, match_detections
from composer.benchmarking.plot import plot_benchmark
from composer.benchmarking.table import format_benchmark, format_nodes, to_json
from composer.benchmarking.ways import EAGER, Way, choose_ways, cut_graph
from composer.model_variants import PRECISIONS, Precision

__all__ = [
    "EAGER",
    "PRECISIONS",
    "Benchmark",
    "Difference",
    "Precision",
    "Way",
    "WayMeasures",
    "benchmark",
    "choose_ways",
    "compare_values",
    "cut_graph",
    "format_benchmark",
    "format_nodes",
    "match_detections",
    "plot_benchmark",
    "to_json",
]
