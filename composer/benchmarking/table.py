"""A benchmark as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from composer.benchmarking.benchmark import Benchmark, WayMeasures
from composer.discovery import find_version
from composer.files import without_infinities
from composer.graph import format_bytes, format_seconds

_METRIC = "AP"


def format_benchmark(found: Benchmark) -> str:
    """The header and the table of all ways, with their differences below."""
    rows = [("way", "min", "median", "times eager", "memory", "error", *_list_tasks(found))]
    rows += [_row(found, each) for each in found.ways if each.seconds]
    lines = [_describe_machine(found), "", *_align(rows)]
    lines += [f"{each.way.name}: {each.reason}" for each in found.ways if each.reason]
    details = [
        f"  {each.way.name}, {difference.output}: {difference}"
        for each in found.ways
        for difference in each.differences
    ]
    lines += ["", "compared with eager:", *details] if details else []
    applied = [f"  {each.way.name}: {each.applied}" for each in found.ways if each.applied]
    lines += ["", "applied:", *applied] if applied else []
    if any(each.way.engine and each.seconds for each in found.ways):
        lines += ["", "Memory is that of tensors; what an engine reserves itself is not seen."]
    return "\n".join(lines)


def format_nodes(found: Benchmark) -> str:
    """A table of all nodes: time in each way, and the largest error."""
    ways = [each for each in found.ways if each.nodes]
    paths = list(dict.fromkeys(node.profile.path for each in ways for node in each.nodes))
    head = ["node"]
    for each in ways:
        head += [each.way.name, *(["error"] if each is not ways[0] else [])]
    rows = [tuple(head)]
    for path in paths:
        cells = [path]
        for each in ways:
            node = next((node for node in each.nodes if node.profile.path == path), None)
            cells.append("-" if node is None else format_seconds(node.profile.seconds))
            if each is not ways[0]:
                is_open = node is None or node.difference is None
                cells.append("-" if is_open or node is None else f"{node.difference:.1e}")
        rows.append(tuple(cells))
    return "\n".join(_align(rows))


def to_json(found: Benchmark) -> dict[str, Any]:
    """The benchmark as a value that `json.dumps` takes."""
    document = {
        "composer_benchmark": 1,
        "model": found.model,
        "composer": find_version(),
        "torch": torch.__version__,
        "processor": {**found.processor._asdict(), "best": found.processor.best},
        "num_threads": found.num_threads,
        "ways": [_describe_way(found, each) for each in found.ways],
    }
    return dict(without_infinities(document))


def _describe_way(found: Benchmark, measures: WayMeasures) -> dict[str, Any]:
    way = measures.way
    document: dict[str, Any] = {**asdict(way), "name": way.name}
    if measures.reason:
        return {**document, "reason": measures.reason}
    nodes = [{**asdict(each.profile), "error": each.difference} for each in measures.nodes]
    return {
        **document,
        "applied": measures.applied,
        "first_seconds": measures.first_seconds,
        "seconds": list(measures.seconds),
        "min": measures.best,
        "median": measures.median,
        "times_eager": found.speedup(measures),
        "peak_bytes": measures.peak_bytes,
        "differences": [each.to_json() for each in measures.differences],
        "metrics": dict(measures.metrics),
        **({"nodes": nodes} if nodes else {}),
    }


def _describe_machine(found: Benchmark) -> str:
    threads = f"{found.num_threads} thread{'s' if found.num_threads > 1 else ''}"
    rounds = len(found.ways[0].seconds)
    return (
        f"{found.model} on {found.processor}, {threads}, torch {torch.__version__}; "
        f"{rounds} round{'s' if rounds > 1 else ''} in turns"
    )


def _list_tasks(found: Benchmark) -> list[str]:
    names = [name for each in found.ways for name in each.metrics if name.endswith(f"/{_METRIC}")]
    return [name.removesuffix(f"/{_METRIC}") + f" {_METRIC}" for name in dict.fromkeys(names)]


def _row(found: Benchmark, measures: WayMeasures) -> tuple[str, ...]:
    metrics = [
        measures.metrics.get(f"{name.removesuffix(f' {_METRIC}')}/{_METRIC}")
        for name in _list_tasks(found)
    ]
    peak = measures.peak_bytes
    return (
        measures.way.name,
        format_seconds(measures.best),
        format_seconds(measures.median),
        f"{found.speedup(measures):.2f}",
        "-" if peak is None else format_bytes(peak),
        _describe_error(measures),
        *("-" if value is None else f"{value:.4f}" for value in metrics),
    )


def _describe_error(measures: WayMeasures) -> str:
    """The largest error of all outputs, or the share of detections that match."""
    errors = [each.relative for each in measures.differences]
    known = [each for each in errors if each is not None]
    if known:
        return f"{max(known):.1e}"
    matched = [each.matching for each in measures.differences if each.matching is not None]
    if matched:
        count = sum(each.num_matched for each in matched)
        return f"{count} of {sum(each.num_expected for each in matched)}"
    return "-"


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
