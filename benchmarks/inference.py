"""Mask R-CNN R50-FPN in the forms for inference, against its modules as they are, in one run.

`python -m benchmarks.inference [--rounds N] [--size PIXELS] [--threads N] [--nodes]`. Weights are
random, so that there are few proposals: the dense nodes have the time of trained ones, those that
work on regions less. Ways take turns, and
the minimum of the rounds counts, as the machine may be shared: seconds of the clock, and of the
processor, which others do not lengthen (with one thread; several wait for each other in a loop).
`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` shows what an older processor would do.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from benchmarks.mask_rcnn import build, example_batch
from composer import Graph
from composer.processor import find_processor

# Random weights find nearly the same box everywhere: without suppression more of them are left.
OPTIONS = {
    "set": {"proposals.nms_threshold": 1.0, "detections.nms_threshold": 1.0, "score_threshold": 0.0}
}
SCORE_TOLERANCE, LEAST_OVERLAP = 1e-3, 0.99


class Measured(NamedTuple):
    """One way.

    Args:
        name: its name.
        seconds: of the clock, the minimum over the rounds.
        processor: seconds of the processor, the same.
        nodes: processor seconds of each node, the same.
        error: largest error of the features over their maximum.
        matched: detections that the graph as it is has, too, and how many it has.
    """

    name: str
    seconds: float
    processor: float
    nodes: Mapping[str, float]
    error: float
    matched: tuple[int, int]


def list_ways(graph: Graph) -> dict[str, Graph]:
    """The graph in all forms that this processor has."""
    ways = {"as it is": graph, "optimised, float32": graph.optimize()}
    ways["optimised, float32, torchvision's pooler"] = _without_kernel(graph.optimize())
    if find_processor().has_bfloat16:
        ways["optimised, bfloat16"] = graph.optimize("bfloat16")
    return ways


def _without_kernel(graph: Graph) -> Graph:
    """An optimised graph that pools as torchvision does."""
    optimized = graph._execution.optimized
    assert optimized is not None
    for path, node in optimized.nodes.items():
        if path.endswith("pooler"):
            node._changes_modules = False
    return graph


def measure(ways: Mapping[str, Graph], batch: Any, rounds: int) -> Iterator[Measured]:
    """Times all ways in turns."""
    seconds: dict[str, float] = {}
    processor: dict[str, float] = {}
    nodes: dict[str, dict[str, float]] = {name: {} for name in ways}
    found: dict[str, Any] = {}
    with torch.inference_mode():
        for name, graph in ways.items():
            found[name] = graph.run(batch, until=["backbone"])
            graph(batch)  # compiles, and lays out weights
        for _ in range(rounds):
            for name, graph in ways.items():
                with _timed_nodes(graph, nodes[name]):
                    start, used = time.perf_counter(), time.process_time()
                    graph(batch)
                    taken, used = time.perf_counter() - start, time.process_time() - used
                seconds[name] = min(seconds.get(name, taken), taken)
                processor[name] = min(processor.get(name, used), used)
        reference = next(iter(ways))
        expected = ways[reference](batch)[0]["instances"]
        for name, graph in ways.items():
            matched = match_detections(graph(batch)[0]["instances"], expected)
            error = _find_error(found[name]["backbone"], found[reference]["backbone"])
            count = (matched, len(expected))
            yield Measured(name, seconds[name], processor[name], nodes[name], error, count)


@contextmanager
def _timed_nodes(graph: Graph, least: dict[str, float]) -> Iterator[None]:
    """Notes the minimum of each node's time."""
    started: dict[str, float] = {}

    def start(path: str, _values: Any) -> None:
        started[path] = time.process_time()

    def stop(path: str, _values: Any) -> None:
        taken = time.process_time() - started[path]
        least[path] = min(least.get(path, taken), taken)

    with graph.add_hook(start, "before"), graph.add_hook(stop, "after"):
        yield


def match_detections(found: Any, expected: Any) -> int:
    """How many expected instances are found with class, box and score."""
    from torchvision.ops import box_iou

    if not len(found) or not len(expected):
        return 0
    overlap = box_iou(expected.pred_boxes.tensor, found.pred_boxes.tensor)
    fits = overlap >= LEAST_OVERLAP
    fits &= expected.pred_classes[:, None] == found.pred_classes[None]
    fits &= (expected.scores[:, None] - found.scores[None]).abs() <= SCORE_TOLERANCE
    return int(fits.any(dim=1).sum())


def _find_error(found: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    return max(
        float((found[level].float() - map_).abs().max() / map_.abs().max())
        for level, map_ in expected.items()
    )


def print_table(rows: list[Measured]) -> None:
    """Prints a row for each way."""
    print("| way | seconds | times | processor seconds | times | error of features | detections |")
    print(f"|{' --- |' * 7}")
    for row in rows:
        matched, count = row.matched
        times = (rows[0].seconds / row.seconds, rows[0].processor / row.processor)
        print(
            f"| {row.name} | {row.seconds:.3f} | {times[0]:.2f} | {row.processor:.3f} | "
            f"{times[1]:.2f} | {row.error:.1e} | {matched} of {count} |"
        )


def print_nodes(rows: list[Measured]) -> None:
    """Prints the milliseconds of each node, a column for each way."""
    names = " | ".join(row.name for row in rows)
    print(f"\n| node | {names} |\n| --- |{' --- |' * len(rows)}")
    for path in rows[0].nodes:
        print(f"| {path} | {' | '.join(f'{row.nodes[path] * 1e3:.0f}' for row in rows)} |")


def main(ways_of: Callable[[Graph], dict[str, Graph]] = list_ways) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=800)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--nodes", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, {find_processor()}\n")
    graph, batch = build(**OPTIONS), example_batch(options.size, options.size)
    rows = list(measure(ways_of(graph), batch, options.rounds))
    print_table(rows)
    if options.nodes:
        print_nodes(rows)


if __name__ == "__main__":
    main()
