"""`composer benchmark`: compares ways of running a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.data_choice import DataChoice, collect_data_choice
from composer.cli.inference_options import read_batches
from composer.cli.options import (
    dataset_option,
    device_option,
    format_option,
    images_option,
    inputs_option,
    loading_options,
    offline_option,
    seed_option,
    set_option,
    until_option,
    weights_option,
)
from composer.cli.output import count_things

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from composer.benchmarking import Benchmark, Precision
    from composer.blueprint import Plan
    from composer.graph import Graph, LoadArguments

_PRECISIONS = ("float32", "bfloat16", "int8")
_PLOTS = (".png", ".svg", ".pdf")


@click.command(short_help="Compare ways of running a model: time, memory, differences, accuracy.")
@click.argument("model")
@inputs_option("Images, folders of images, or files of tensors; repeatable.  [default: example]")
@until_option("Run this node and what it needs, nothing else; repeatable.")
@click.option("--engine", "engines", multiple=True, metavar="NAME", help="An engine; repeatable.")
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(_PRECISIONS),
    multiple=True,
    help="A precision; repeatable.  [default: float32, and bfloat16 where the processor has it]",
)
@click.option("--calibrate", metavar="FOLDER", help="Typical images, for int8.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds of each way."
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of PyTorch.")
@click.option("--nodes", is_flag=True, help="Measure every node, too.")
@weights_option(default="the model's, if any")
@loading_options
@click.option(
    "--data", "-d", metavar="PATH", help="Measure accuracy: a data file, experiment or annotations."
)
@images_option()
@format_option()
@dataset_option(default="all, joined")
@set_option("Set a value of the model or the data; repeatable.")
@collect_data_choice
@offline_option()
@device_option()
@seed_option("Seed for initial weights and stochastic nodes.")
@click.option("--json", "json_file", metavar="FILE", help="Write the measures as JSON.")
@click.option("--plot", "plot_file", metavar="FILE", help="Draw them: .png, .svg or .pdf.")
@click.pass_context
def benchmark(
    context: click.Context,
    model: str,
    *,
    inputs: Sequence[str],
    until: Sequence[str],
    engines: Sequence[str],
    precisions: Sequence[Precision],
    calibrate: str | None,
    rounds: int,
    threads: int | None,
    nodes: bool,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    chosen: DataChoice,
    device: str,
    seed: int,
    json_file: str | None,
    plot_file: str | None,
) -> None:
    """Compare ways of running MODEL: eager, optimised in each precision, and with engines.

    All ways run in turns, and each is compared with the eager graph: outputs by their largest
    error, detections by class, IoU and score. With --data, each is evaluated as by `composer eval`.

    The exit code is 1 if a way that was asked for cannot run.
    """
    if plot_file is not None and Path(plot_file).suffix.lower() not in _PLOTS:
        raise click.UsageError(f"--plot {plot_file}: a plot is one of {', '.join(_PLOTS)}")
    import torch

    from composer.benchmarking import benchmark as measure
    from composer.benchmarking import choose_ways, cut_graph, format_benchmark, format_nodes
    from composer.graph import Graph, find_device

    if threads is not None:
        torch.set_num_threads(threads)
    evaluate, settings = _make_evaluation(chosen, model)
    place, options = find_device(device), {"seed": seed, "set": settings, **load_arguments}
    graph = Graph.open(model, weights or None, **options).to(place).eval()
    if graph.random_nodes:
        count = count_things(len(graph.random_nodes), "node")
        click.echo(f"the weights of {count} are random", err=True)
    if evaluate is None:
        graph = cut_graph(graph, until)
    plan = graph.plan(mode="inference", until=list(until) or None)
    values = _read_values(inputs, graph, plan)
    found = measure(
        graph,
        choose_ways(engines, precisions),
        values,
        until=plan,
        rounds=rounds,
        seed=seed,
        calibrate=None if calibrate is None else read_batches(graph, calibrate),
        nodes=nodes,
        evaluate=evaluate,
        on_step=_show_step,
    )
    _show_step("")
    click.echo(format_benchmark(found))
    if nodes:
        click.echo(f"\n{format_nodes(found)}")
    _write(found, json_file, plot_file)
    if any(each.reason for each in found.ways if engines or each.way.precision in precisions):
        context.exit(1)


def _read_values(inputs: Sequence[str], graph: Graph, plan: Plan) -> Any:
    """The input, or the inputs by name where there are several."""
    from composer.cli.run_inputs import assign_files, read_input_files
    from composer.graph import device_of
    from composer.values import move

    files = assign_files(inputs, graph.blueprint, plan)
    declared = graph.blueprint.spec.graph.inputs
    for name, paths in files.items():
        if not inputs and declared[name].example is None:
            file = Path(paths[0]).name
            click.echo(f"no --input: running on the example that ships, {file}", err=True)
    given, left_out = read_input_files(files, graph.blueprint, plan)
    for error in left_out:
        click.echo(f"error: {error}", err=True)
    values = dict(move(dict(given), device_of(graph)))
    if len(graph.blueprint.inputs["inference"]) == 1:
        return next(iter(values.values()), None)
    return values or None


def _make_evaluation(
    chosen: DataChoice, model: str
) -> tuple[Callable[[Graph], dict[str, float]] | None, Any]:
    """What gives the metrics of a graph, if a dataset was named; and the settings of the model."""
    if not chosen.data:
        if chosen.images or chosen.format or chosen.names:
            raise click.UsageError("--images, --format and --dataset go with --data")
        return None, chosen.settings
    from composer.data import open_datasets
    from composer.evaluation import evaluate_graph
    from composer.experiment import SettableModel

    settable = SettableModel(model)
    dataset = open_datasets(chosen.find(settable))
    return lambda graph: evaluate_graph(graph, dataset).flat(), settable.settings


def _show_step(text: str) -> None:
    """Shows on a terminal what is being measured, in one line."""
    import sys

    if sys.stderr.isatty():
        click.echo(f"\r{text:<60.60}" if text else f"\r{'':<60}\r", nl=False, err=True)


def _write(found: Benchmark, json_file: str | None, plot_file: str | None) -> None:
    from composer.benchmarking import plot_benchmark, to_json
    from composer.files import write_json

    if json_file is not None:
        write_json(json_file, to_json(found), indent=2)
        click.echo(f"\nsaved {json_file}")
    if plot_file is not None:
        plot_benchmark(plot_file, found)
        click.echo(f"\nsaved {plot_file}")
