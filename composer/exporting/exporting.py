"""Exports a part of a graph, checked against the graph itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from composer.blueprint import Plan, make_plan
from composer.errors import ExecutionError, InputError
from composer.exporting.byte_images import find_scales
from composer.exporting.checking import CheckedOutput, check_file, require_agreement
from composer.exporting.cut import Cut, Values
from composer.exporting.description import describe_export
from composer.exporting.examples import (
    cut_corner,
    list_examples,
    list_pairs,
    plan_recording,
    record_values,
)
from composer.exporting.exporter import (
    ExportOptions,
    ProgramExporter,
    WeightsExporter,
    find_exporter,
)
from composer.exporting.region_counts import change_counts, has_one_count
from composer.files import files_written_together
from composer.graph import Graph

TOLERANCE = 1e-3
_PROGRAM_OPTIONS = {
    "until": "--until",
    "feeds": "--feed",
    "inputs": "--input",
    "tolerance": "--tolerance",
    "opset": "--opset",
}


class ExportReport(NamedTuple):
    """What was exported.

    Args:
        files: the files, the one that was named first.
        checked: the outputs with their largest errors; nothing of weights, which are not run.
        num_examples: how many runs they were compared in.
        tolerance: the tolerance.
    """

    files: tuple[Path, ...]
    checked: tuple[CheckedOutput, ...] = ()
    num_examples: int = 0
    tolerance: float = 0.0


def export_graph(
    graph: Graph, file: str | os.PathLike[str], options: ExportOptions | None = None
) -> ExportReport:
    """Writes a graph, or a part of it, as a file of the format that its ending names.

    Raises:
        InputError: there is no such format or it lacks a package, an option does not apply to it,
            or an input is missing or does not fit.
        NameResolutionError: a name is no node's.
        ExportError: a node cannot be exported, or the file differs from the graph; none is left.
        OSError: the file cannot be written.
    """
    path, options = Path(file), options or ExportOptions()
    exporter = find_exporter(path)
    check_options(exporter, path, options)
    graph = getattr(graph, "source", None) or graph  # that of an optimised one: in float32
    if isinstance(exporter, WeightsExporter):
        exporter.write_model(graph, path, half=options.half)
        return ExportReport((path,))
    assert isinstance(exporter, ProgramExporter)
    return _export_program(exporter, graph, path, options)


def check_options(exporter: object, path: Path, options: ExportOptions) -> None:
    """Refuses options that a format does not take.

    Raises:
        InputError: as said.
    """
    ending = path.suffix
    if isinstance(exporter, WeightsExporter):
        given = [
            shown
            for name, shown in _PROGRAM_OPTIONS.items()
            if getattr(options, name) != getattr(ExportOptions(), name)
        ]
        if given:
            raise InputError(
                f"'{path}': {', '.join(given)} {'does' if len(given) == 1 else 'do'} not apply to "
                f"{ending}, which has the weights of the whole model"
            )
    elif options.half:
        raise InputError(f"'{path}': --half does not apply to {ending}: it is for files of weights")
    if options.tolerance is not None and not 0 <= options.tolerance < float("inf"):
        raise InputError(f"a tolerance is a number from 0 on, not {options.tolerance}")


def make_cut(graph: Graph, options: ExportOptions) -> Cut:
    """The part of a graph that options name, with values of it from runs on examples.

    Raises:
        InputError: an input is missing or does not fit, or the graph has no inference.
        NameResolutionError: a name is no node's.
        ExecutionError: a node fails.
    """
    if "inference" not in graph.blueprint.modes:
        raise InputError("only inference is exported, and this graph has none")
    until = None if options.until is None else list(options.until)
    feeds = list(options.feeds)
    slots = [
        slot
        for name in feeds
        for slot in graph.blueprint.book("inference").fed_slots(
            graph.blueprint.book("inference").resolve(name)
        )
    ]
    plan = graph._execution.plan("inference", until, slots)
    if any(target.tap for target in plan.targets):
        raise InputError("a file ends at nodes, not at taps: name a node with --until")
    if not plan.steps:
        raise InputError("there is no node to export: what is asked for is given")
    recording = plan_recording(graph, until, feeds)
    graph._execution.check(recording)
    with _evaluating(graph):
        inputs = list_examples(graph, options.inputs, recording.inputs)
        return _record(graph, plan, recording, inputs)


@contextmanager
def _evaluating(graph: Graph) -> Iterator[None]:
    """Has a graph in inference in the body of the `with` statement."""
    was_training = graph.training
    graph.eval()
    try:
        yield
    finally:
        graph.train(was_training)


def _record(graph: Graph, plan: Plan, recording: Plan, inputs: Sequence[Mapping[str, Any]]) -> Cut:
    """The part of a plan, with its values in runs: on each input, on two, with other regions."""
    dependencies = graph.blueprint.dependencies("inference")
    examples = [record_values(graph, recording, each) for each in inputs]
    scales = find_scales(graph.spec, plan.input_slots, examples)
    cut = Cut(plan, dependencies, graph._callables, examples, scales)
    if not cut.is_of_one_image:
        pairs = [record_values(graph, recording, each) for each in list_pairs(inputs)]
        cut = replace(cut, examples=[*cut.examples, *pairs])
    if has_one_count(cut):
        others = _record_other_count(graph, cut, recording, inputs[0])
        cut = replace(cut, examples=[*cut.examples, *others])
    return cut


def _record_other_count(
    graph: Graph, cut: Cut, recording: Plan, inputs: Mapping[str, Any]
) -> list[Values]:
    """The values of a run with another number of regions, if there is such a run.

    Regions that enter are halved; others are those of a corner of the image.
    """
    try:
        if (given := change_counts(cut)) is not None:
            fed = tuple(given)
            plan = make_plan(cut.dependencies, cut.plan.targets, fed, keep_all=True)
            return [record_values(graph, plan, {}, given)]
        corner = cut_corner(inputs)
        return [] if corner is None else [record_values(graph, recording, corner)]
    except ExecutionError:  # the nodes take no such values
        return []


def _export_program(
    exporter: ProgramExporter, graph: Graph, path: Path, options: ExportOptions
) -> ExportReport:
    cut = make_cut(graph, options)
    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    with _evaluating(graph), files_written_together(path) as unfinished:
        names = exporter.write(cut, unfinished, options.opset)
        checked = check_file(cut, exporter.open(unfinished))
        require_agreement(checked, tolerance)
        metadata = describe_export(
            graph,
            cut,
            checked,
            until=[target.name for target in cut.plan.targets] if options.until else [],
            feeds=[str(slot) for slot in cut.plan.used_feeds],
            tolerance=tolerance,
            names=names,
        )
        exporter.add_metadata(unfinished, metadata)
        files = [path.with_name(each.name) for each in _own_first(unfinished)]
    return ExportReport(tuple(files), tuple(checked), len(cut.examples), tolerance)


def _own_first(file: Path) -> Sequence[Path]:
    return sorted(file.parent.iterdir(), key=lambda each: (each != file, each.name))
