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

from composer.blueprint import Blueprint, Plan
from composer.checkpoint import LoadReport
from composer.cli.run_inputs import assign_files, read_feeds, read_input_files
from composer.cli.run_report import RunReport, describe_plan, describe_result, save_results
from composer.cli.run_request import RunRequest
from composer.cli.run_table import Bar, Display, Stopwatch, Table
from composer.construction import check_source, check_taps
from composer.errors import InputError
from composer.graph import Graph
from composer.graph.devices import find_device
from composer.graph.feeding import spread_feeds
from composer.graph.weights import LoadOptions, load_weights
from composer.values import move

_OUTPUTS = "outputs"  # what the result of a whole run is called


def run_request(request: RunRequest) -> None:
    """Runs what is asked for, and tells of it.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    blueprint = check_source(request.spec, set=request.settings)
    feeds = read_feeds(request.feeds, blueprint, request.mode)
    plan = _make_plan(request, blueprint, feeds)
    if request.dry_run:
        click.echo(json.dumps(describe_plan(plan), indent=2) if request.as_json else str(plan))
        return
    device = find_device(request.device)
    files = assign_files(request.inputs, blueprint, plan)
    inputs = read_input_files(files, blueprint, plan)
    notes = list(_notes_on_inputs(request, plan, files))
    _tell(notes)
    graph = Graph.from_blueprint(blueprint, plan=plan, seed=request.seed, device=device)
    reports = _load_checkpoints(graph.train(plan.mode == "training"), request)
    about_weights = list(_notes_on_weights(graph, reports, request.seed))
    _tell(about_weights)
    built = [path for path in blueprint.nodes if path in graph.callables]
    report = RunReport(request, blueprint, plan, built, files, reports, notes + about_weights)
    results = _run(graph, report, move(inputs, device), move(feeds, device))
    save_results(report, results)
    _conclude(report, results)


def _make_plan(request: RunRequest, blueprint: Blueprint, feeds: Mapping[str, Any]) -> Plan:
    mode = request.mode
    if not request.until and not blueprint.outputs[mode]:
        raise InputError(f"{request.spec} has no outputs in {mode} mode; name a node with --until")
    slots = spread_feeds(feeds, blueprint.book(mode), blueprint.dependencies(mode))
    plan = blueprint.plan(mode, request.until or None, slots)
    check_taps(plan)
    return plan


def _load_checkpoints(graph: Graph, request: RunRequest) -> tuple[LoadReport, ...]:
    """Loads the weights that are asked for, or else those that the spec names."""
    options = LoadOptions(
        skip_mismatched=request.skip_mismatched,
        allow_missing=request.allow_missing,
        allow_unexpected=request.allow_unexpected,
    )
    return load_weights(graph, request.weights or graph.spec.weights, options)


def _run(
    graph: Graph, report: RunReport, inputs: dict[str, Any], feeds: dict[str, Any]
) -> dict[str, Any]:
    """The results by the full names of the targets."""
    request, plan = report.request, report.plan
    display = _make_display(request, plan.paths)
    watch = Stopwatch(display)
    given: Any = inputs or None
    if len(report.blueprint.inputs[plan.mode]) == 1:  # a lone one is given by itself
        given = next(iter(inputs.values()), None)
    options: dict[str, Any] = {"until": plan, "feeds": feeds, "seed": request.seed}
    with _watched(graph, watch), torch.set_grad_enabled(plan.mode == "training"):
        if request.profile:
            report.profile = graph.profile(given, **options)
            found = report.profile.result
        else:
            found = graph.run(given, **options)
    report.nodes = watch.nodes
    return {_OUTPUTS: found} if plan.is_whole else dict(found)


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
    request: RunRequest, plan: Plan, files: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if request.inputs and not plan.inputs:
        yield "the input is not read: nothing that runs needs it"
    for slot in plan.feeds:
        if slot not in plan.used_feeds:
            yield f"the feed '{slot}' is not needed"
    for name, paths in files.items():
        if not any(path in text for text in request.inputs for path in paths):
            yield f"no --input: running on the spec's example for '{name}', {paths[0]}"


def _notes_on_weights(graph: Graph, reports: Sequence[LoadReport], seed: int) -> Iterator[str]:
    for report in reports:
        yield str(report)
    random = graph.random_nodes
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
    plan = report.plan
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
