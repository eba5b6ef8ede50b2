"""What `composer run` does, step by step."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import torch

from composer.checkpoint import LoadReport
from composer.cli.run_graph import build_graph, find_random_nodes, load_checkpoints
from composer.cli.run_inputs import assign_files, read_input_files
from composer.cli.run_plan import RunPlan, make_run_plan
from composer.cli.run_report import RunReport, describe_plan, describe_result, save_results
from composer.cli.run_request import RunRequest
from composer.cli.run_table import Bar, Display, Stopwatch, Table
from composer.graph import Graph
from composer.graph.devices import find_device
from composer.values import move

_OUTPUTS = "outputs"  # what the result of a whole run is called


def run_request(request: RunRequest) -> None:
    """Runs what is asked for, and tells of it.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    run_plan = make_run_plan(request)
    if request.dry_run:
        plan = run_plan.plan
        click.echo(json.dumps(describe_plan(plan), indent=2) if request.as_json else str(plan))
        return
    device = find_device(request.device)
    files = assign_files(request.inputs, run_plan)
    inputs = read_input_files(files, run_plan)
    notes = list(_notes_on_inputs(request, run_plan, files))
    _tell(notes)
    graph = build_graph(run_plan, request, device)
    reports = load_checkpoints(graph, request)
    about_weights = list(_notes_on_weights(graph, reports, request.seed))
    _tell(about_weights)
    report = RunReport(request, run_plan, files, reports, notes + about_weights)
    results = _run(graph, report, move(inputs, device), move(dict(run_plan.feeds), device))
    save_results(report, results)
    _conclude(report, results)


def _run(
    graph: Graph, report: RunReport, inputs: dict[str, Any], feeds: dict[str, Any]
) -> dict[str, Any]:
    """The results by the full names of the targets."""
    request, plan = report.request, report.run_plan.plan
    display = _make_display(request, plan.paths)
    watch = Stopwatch(display)
    options: dict[str, Any] = {
        "until": list(request.until) or None,
        "feeds": feeds,
        "mode": plan.mode,
        "seed": request.seed,
    }
    with _watched(graph, watch), torch.set_grad_enabled(plan.mode == "training"):
        if request.profile:
            report.profile = graph.profile(_by_name(inputs, report.run_plan), **options)
            found = report.profile.result
        else:
            found = graph.run(_by_name(inputs, report.run_plan), **options)
    report.nodes = watch.nodes
    if not request.until:
        return {_OUTPUTS: found}
    full_names = [target.name for target in plan.targets]
    return dict(zip(full_names, found.values(), strict=True))


def _by_name(inputs: dict[str, Any], run_plan: RunPlan) -> Any:
    """The inputs in the form that a graph takes: a lone one by itself."""
    if len(run_plan.wiring.inputs) == 1:
        return next(iter(inputs.values()), None)
    return inputs or None


@contextmanager
def _watched(graph: Graph, watch: Stopwatch) -> Iterator[None]:
    with graph.add_hook(watch.start, "before"), graph.add_hook(watch.stop, "after"):
        try:
            yield
        finally:
            watch.display.close()


def _make_display(request: RunRequest, paths: Sequence[str]) -> Display:
    if request.as_json or request.profile:
        return Bar(paths)
    return Table(paths, shutil.get_terminal_size((100, 24)).columns)


def _notes_on_inputs(
    request: RunRequest, run_plan: RunPlan, files: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if request.inputs and not run_plan.plan.inputs:
        yield "the input is not read: nothing that runs needs it"
    for slot in run_plan.plan.feeds:
        if slot not in run_plan.plan.used_feeds:
            yield f"the feed '{slot}' is not needed"
    for name, paths in files.items():
        if not any(path in text for text in request.inputs for path in paths):
            yield f"no --input: running on the spec's example for '{name}', {paths[0]}"


def _notes_on_weights(graph: Graph, reports: Sequence[LoadReport], seed: int) -> Iterator[str]:
    for report in reports:
        yield str(report)
    random = find_random_nodes(graph, reports)
    if random and not reports:
        yield f"no --weights: the weights are random, from seed {seed}"
    elif random:
        yield f"random weights, from seed {seed}: {', '.join(random)}"


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(note, err=True)


def _conclude(report: RunReport, results: Mapping[str, Any]) -> None:
    """Prints what there is to say after the last node."""
    if report.request.as_json:
        click.echo(json.dumps(report.to_json(results), indent=2))
        return
    if report.profile is not None:
        click.echo(_indented(str(report.profile)))
    plan = report.run_plan.plan
    for what, paths in (("cut off by feeds", plan.cut), ("not run", plan.not_run)):
        if paths:
            click.echo(_wrapped(f"{what}: {', '.join(paths)}"))
    if not report.request.until:
        click.echo(_indented(describe_result(results[_OUTPUTS])))
    for name, file in report.saved.items():
        click.echo(f"  saved {name} to {file}")


def _wrapped(text: str) -> str:
    width = max(shutil.get_terminal_size((100, 24)).columns, 40)
    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
