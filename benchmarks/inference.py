"""Mask R-CNN R50-FPN in all forms for inference, against its modules as they are, in one run.

`python -m benchmarks.inference [--rounds N] [--size PIXELS] [--threads N] [--way TEXT] [--alone]`.
One photograph; the weights are random, of the sizes of trained ones, so that 1000 proposals and 100
detections come out of the graph itself. Ways take turns, and the minimum of the rounds counts, as
the machine may be shared: seconds of the clock, and of the processor. A second table
has each part of the graph on its own, fed with what the same way computes; a third one has
torchvision's own Mask R-CNN, and detectron2's where it is installed, with the weights of the graph.
`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` shows what an older processor would do; engines
with kernels of their own do not obey it.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.inference_parts import Part, list_parts
from benchmarks.inference_ways import Runner, list_ways
from benchmarks.mask_rcnn import build, fit_weights, photograph
from benchmarks.reference_models import list_references
from composer import Graph
from composer.benchmarking import match_detections
from composer.processor import find_processor


class Measured(NamedTuple):
    """One way.

    Args:
        name: its name.
        seconds: of the clock, the minimum over the rounds.
        processor: seconds of the processor, the same.
        parts: seconds of each part, by name, the same.
        error: largest error of the features over their maximum; None if it gives none.
        matched: detections that the first way has, too, and how many it has.
    """

    name: str
    seconds: float
    processor: float
    parts: Mapping[str, float]
    error: float | None
    matched: tuple[int, int]


def measure(runners: Sequence[Runner], batch: Any, rounds: int) -> list[Measured]:
    """Times all ways in turns; the first is what the others are compared with."""
    seconds: list[list[float]] = [[] for _ in runners]
    processor: list[list[float]] = [[] for _ in runners]
    with torch.inference_mode():
        found = [runner.run(batch) for runner in runners]  # compiles, and lays out weights
        features = [_read_features(runner, batch) for runner in runners]
        for _ in range(rounds):
            for place, runner in enumerate(runners):
                start, used = time.perf_counter(), time.process_time()
                runner.run(batch)
                seconds[place].append(time.perf_counter() - start)
                processor[place].append(time.process_time() - used)
        parts = _measure_parts(runners, batch, rounds)
    rows = []
    for place, runner in enumerate(runners):
        matching = match_detections(found[0], found[place])
        row = Measured(
            runner.name,
            min(seconds[place]),
            min(processor[place]),
            parts[place],
            _find_error(features[place], features[0]),
            (matching.num_matched, matching.num_expected),
        )
        rows.append(row)
    return rows


def _read_features(runner: Runner, batch: Any) -> Mapping[str, Any] | None:
    """The pyramid as it is inside a whole run: an engine gives it beside what else it computes."""
    if runner.graph is None:
        return None
    until = ["backbone", "rpn_head.objectness", "rpn_head.deltas"]
    found: Mapping[str, Any] = runner.graph.run(batch, until=until)["backbone"]
    return found


def _find_error(found: Any, expected: Any) -> float | None:
    if found is None or expected is None:
        return None
    return max(
        float((found[level].float() - map_).abs().max() / map_.abs().max())
        for level, map_ in expected.items()
    )


def _measure_parts(runners: Sequence[Runner], batch: Any, rounds: int) -> list[Mapping[str, float]]:
    """Seconds of each part of each way, in turns."""
    least: list[dict[str, float]] = [{} for _ in runners]
    known: list[Sequence[Part]] = [
        () if runner.graph is None else list_parts(runner.graph, batch) for runner in runners
    ]
    for _ in range(rounds):
        for place, parts in enumerate(known):
            for part in parts:
                start = time.perf_counter()
                part.run()
                taken = time.perf_counter() - start
                least[place][part.name] = min(least[place].get(part.name, taken), taken)
    return list(least)


def print_ways(rows: Sequence[Measured]) -> None:
    """Prints a row for each way."""
    print("| way | seconds | times | processor seconds | times | error of features | detections |")
    print(f"|{' --- |' * 7}")
    for row in rows:
        matched, count = row.matched
        times = (rows[0].seconds / row.seconds, rows[0].processor / row.processor)
        error = "" if row.error is None else f"{row.error:.1e}"
        print(
            f"| {row.name} | {row.seconds:.3f} | {times[0]:.2f} | {row.processor:.3f} | "
            f"{times[1]:.2f} | {error} | {matched} of {count} |"
        )


def print_parts(rows: Sequence[Measured]) -> None:
    """Prints the milliseconds of each part and its share of all, a column for each way."""
    rows = [row for row in rows if row.parts]
    names = " | ".join(row.name for row in rows)
    print(f"\n| part, ms | {names} |\n| --- |{' --- |' * len(rows)}")
    for name in rows[0].parts:
        cells = [
            f"{row.parts[name] * 1e3:.1f} ({row.parts[name] / sum(row.parts.values()):.0%})"
            for row in rows
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def check_counts(graph: Graph, batch: Any) -> None:
    """Makes sure that the graph has the work that is measured.

    Raises:
        SystemExit: it gives other numbers of proposals or detections.
    """
    with torch.inference_mode():
        session = graph.session(batch)
        boxes, found = session["proposals.boxes"], session["detections.boxes"]
    counts = (len(boxes[0]), len(found[0]))
    print(f"{counts[0]} proposals, {counts[1]} detections\n")
    if counts != (1000, 100):
        raise SystemExit("what is measured is 1000 proposals and 100 detections")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=800)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--way", action="append", default=[], help="only ways with this text")
    parser.add_argument("--alone", action="store_true", help="without other people's models")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, {find_processor()}")
    graph, batch = build().eval(), photograph(options.size)
    fit_weights(graph, batch)
    check_counts(graph, batch)
    rows = measure(list_ways(graph, batch, options.way), batch, options.rounds)
    print_ways(rows)
    print_parts(rows)
    references = [] if options.alone else list_references(graph, batch, options.way)
    for name, given, runners in references:
        print(f"\nAgainst {name}, with the same weights:\n")
        print_ways(measure(runners, given, options.rounds))


if __name__ == "__main__":
    main()
