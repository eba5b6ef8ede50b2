"""`composer run`: runs a model, or the part of it that is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.cache_options import KeptValues, cache_options, describe_use, keeping
from composer.cli.edit_options import EditChoice, edit_option
from composer.cli.inference_options import InferenceWay, inference_options
from composer.cli.options import (
    device_option,
    forbid_fetching,
    inputs_option,
    json_option,
    loading_options,
    mode_option,
    offline_option,
    parse_named_assignments,
    sample_range_option,
    seed_option,
    set_option,
    until_option,
    weights_option,
)
from composer.cli.output import format_json
from composer.cli.snapshot_options import (
    choose_needed,
    continue_option,
    read_continued,
    save_on_error_option,
    saving_on_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import torch

    from composer.blueprint import Blueprint, Plan
    from composer.checkpoint import LoadReport
    from composer.graph import Graph, LoadArguments, OpenedModel
    from composer.language import Mode


@click.command(short_help="Run a model, or the part of it that is asked for.")
@click.argument("model")
@until_option("Run this node and what it needs, nothing else; repeatable.")
@inputs_option(
    "Images, folders of images, or files of tensors (.npz, .npy, .safetensors, .pt, .json); "
    "repeatable.  [default: the spec's example]"
)
@sample_range_option()
@click.option(
    "--feed",
    "-f",
    "feeds",
    multiple=True,
    metavar="NODE=FILE",
    callback=parse_named_assignments,
    help="Use a saved value, or a file of tensors, instead of computing it; repeatable.",
)
@edit_option()
@weights_option(default="the model's, if any")
@loading_options
@set_option()
@mode_option("Mode of the nodes and wires; training needs ground truth in the input.")
@inference_options(by_default=False)
@offline_option()
@device_option()
@seed_option("Seed for initial weights and stochastic nodes.")
@click.option("--dry-run", is_flag=True, help="Print the plan; build and run nothing.")
@click.option(
    "--profile",
    is_flag=True,
    help="Measure the memory of every node, too, in a first run.",
)
@cache_options
@save_on_error_option()
@continue_option()
@click.option(
    "--save",
    metavar="PATH",
    help="File or folder for the results.  [default: runs/<name>/<node>.safetensors]",
)
@click.option("--no-save", is_flag=True, help="Save nothing.")
@json_option()
@click.pass_context
def run(
    context: click.Context,
    model: str,
    *,
    until: Sequence[str],
    inputs: Sequence[str],
    sample_range: tuple[float, float] | None,
    feeds: Mapping[str, str],
    edits: EditChoice,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    mode: Mode,
    way: InferenceWay,
    device: str,
    seed: int,
    dry_run: bool,
    profile: bool,
    kept: KeptValues,
    save_on_error: bool,
    snapshot_folder: str | None,
    save: str | None,
    no_save: bool,
    as_json: bool,
) -> None:
    """Run MODEL, whole or until the nodes that are asked for.

    MODEL is the name of a spec or of a model that ships, the file of a spec, a checkpoint that
    describes itself, the folder of a run, or an experiment, which is its spec with its settings
    and initial weights.

    A NODE is a path (`roi_heads.mask_pooler`), a port of one (`roi_heads.detections.boxes`), a tap
    inside one (`backbone.bottom_up:res4.5.conv2`), or any end of these that is unique.
    """
    _check_saving(save, no_save=no_save, num_targets=len(until))
    if profile and kept.folder is not None:
        raise click.UsageError("--profile measures what nodes take: leave --cache")
    way.check()
    if dry_run:
        forbid_fetching(context, "--dry-run fetches nothing")
    from composer.cli.run_inputs import assign_files, read_input_files
    from composer.cli.run_report import RunReport, save_results
    from composer.cli.run_table import run_shown
    from composer.graph import LoadOptions, find_device, open_model

    opened = open_model(model, weights or None, LoadOptions(**load_arguments), set=settings)
    blueprint = opened.blueprint
    fed, mode, seed, pending = _read_fed(
        context, snapshot_folder, feeds, edits, blueprint, until, mode, seed
    )
    if mode == "training":
        way.refuse_training()
    plan = _make_plan(blueprint, mode, until, fed, pending)
    if dry_run:
        _show_plan(plan, blueprint, way, as_json=as_json)
        return
    cache, place = kept.open(), find_device(device)
    files = assign_files(inputs, blueprint, plan)
    given, left_out = read_input_files(files, blueprint, plan, sample_range)
    notes = _print_notes(_notes_on_inputs(inputs, files, plan, blueprint))
    notes += _print_notes(f"error: {error}" for error in left_out)
    graph, reports = _build(opened, plan, seed, place)
    notes += _print_notes(_notes_on_weights(graph, reports))
    if mode == "inference":
        graph = way.apply(graph)
    saving = saving_on_error(model, settings, is_asked=save_on_error)
    with keeping(graph, cache), pending.hold(graph), saving:
        outcome = run_shown(
            graph, plan, given, fed, seed=seed, device=place, profile=profile, as_json=as_json
        )
    if cache is not None:
        notes += _print_notes(describe_use(cache, graph))
    report = RunReport(
        graph=graph,
        plan=plan,
        outcome=outcome,
        saved={} if no_save else save_results(outcome, graph.spec.label, save),
        context={"device": device, "seed": seed, "inputs": files, "feeds": feeds}
        | {"edits": edits.to_json(), "notes": notes},
        weights=reports,
    )
    text = format_json(report.to_json()) if as_json else report.summary()
    click.echo(text, nl=bool(text))
    if left_out:
        context.exit(1)


def _check_saving(save: str | None, *, no_save: bool, num_targets: int) -> None:
    if save is None:
        return
    if no_save:
        raise click.UsageError("--save and --no-save exclude each other")
    suffix = Path(save).suffix
    if suffix not in ("", ".safetensors"):
        raise click.UsageError(f"--save {save}: values are saved as .safetensors")
    if suffix and num_targets > 1:
        raise click.UsageError(f"--save {save}: name a folder for several targets")


def _read_fed(
    context: click.Context,
    snapshot_folder: str | None,
    feeds: Mapping[str, str],
    edits: EditChoice,
    blueprint: Blueprint,
    until: Sequence[str],
    mode: Mode,
    seed: int,
) -> tuple[dict[str, Any], Mode, int, EditChoice]:
    """Values of `--feed` and of the snapshot of `--continue`, whose mode and seed then hold.

    With them come the edits that the values of the snapshot do not have yet.
    """
    from composer.cli.run_inputs import read_feeds

    if snapshot_folder is None:
        return read_feeds(feeds, blueprint, mode), mode, seed, edits
    snapshot, mode, seed = read_continued(context, snapshot_folder, blueprint, mode, seed, edits)
    fed = read_feeds(feeds, blueprint, mode)
    taken = choose_needed(snapshot, blueprint, until, fed)
    done = [slot for slot in snapshot.edited if str(slot) in taken]
    return fed | taken, mode, seed, edits.without(done, blueprint, mode)


def _make_plan(
    blueprint: Blueprint,
    mode: Mode,
    until: Sequence[str],
    feeds: Mapping[str, Any],
    edits: EditChoice,
) -> Plan:
    from composer.construction import check_taps
    from composer.errors import InputError
    from composer.graph import refuse_edits, spread_feeds

    if not until and not blueprint.outputs[mode]:
        source = blueprint.spec.source
        raise InputError(f"{source} has no outputs in {mode} mode; name a node with --until")
    slots = spread_feeds(feeds, blueprint.book(mode), blueprint.dependencies(mode))
    plan = blueprint.plan(mode, until or None, slots)
    check_taps(plan)
    edited = edits.find_slots(blueprint, mode)
    refuse_edits(edited, slots)
    return replace(plan, edits=edited) if edited else plan


def _show_plan(plan: Plan, blueprint: Blueprint, way: InferenceWay, *, as_json: bool) -> None:
    from composer.cli.run_report import describe_plan

    if plan.mode == "inference":
        plan = way.annotate(plan, blueprint)
    click.echo(format_json(describe_plan(plan)) if as_json else str(plan))


def _build(
    opened: OpenedModel, plan: Plan, seed: int, device: torch.device
) -> tuple[Graph, Sequence[LoadReport]]:
    """The graph of the plan's nodes with their weights, in the plan's mode."""
    from composer.graph import Graph, load_weights

    graph = Graph.from_blueprint(opened.blueprint, plan=plan, seed=seed, device=device)
    graph.train(plan.mode == "training")
    return graph, load_weights(graph, opened.weights, opened.options)


def _print_notes(notes: Iterable[str]) -> list[str]:
    """Prints notes to the standard error as they come, and returns them."""
    printed = []
    for note in notes:
        click.echo(note, err=True)
        printed.append(note)
    return printed


def _notes_on_inputs(
    inputs: Sequence[str],
    files: Mapping[str, Sequence[str]],
    plan: Plan,
    blueprint: Blueprint,
) -> Iterator[str]:
    if inputs and not plan.inputs:
        yield "the input is not read: nothing that runs needs it"
    for slot in plan.feeds:
        if slot not in plan.used_feeds:
            yield f"the feed '{slot}' is not needed"
    for slot in plan.edits:
        if slot not in plan.used_edits:
            yield f"the edit of '{slot}' is not needed"
    for step in plan.steps:
        fed = [slot.port for slot in step.node.slots if slot in plan.feeds]
        if fed:
            anew = ", ".join(slot.port for slot in step.node.slots if slot.port not in fed)
            yield f"the feed of '{step.node.path}' has only {', '.join(fed)}: computing {anew} anew"
    for name, paths in files.items():
        if not any(path in text for text in inputs for path in paths):
            is_own = blueprint.spec.graph.inputs[name].example is not None
            example = "the spec's example" if is_own else "the example that ships"
            yield f"no --input: running on {example} for '{name}', {paths[0]}"


def _notes_on_weights(graph: Graph, reports: Sequence[LoadReport]) -> Iterator[str]:
    for report in reports:
        yield str(report)
    random = graph.random_nodes
    if random and not reports:
        yield f"no --weights: the weights are random, from seed {graph.seed}"
    elif random:
        yield f"random weights, from seed {graph.seed}: {', '.join(random)}"
