"""`composer export`: writes a model, or the part of it that is asked for, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.options import (
    inputs_option,
    loading_options,
    offline_option,
    seed_option,
    set_option,
    until_option,
    weights_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.exporting import ExportOptions, ExportReport
    from composer.graph import Graph, LoadArguments


@click.command(short_help="Write a model, or a part of it, as a file.")
@click.argument("source", metavar="MODEL")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    required=True,
    help="File to write; its ending names the format: .onnx, .pt2, .xml (OpenVINO), .safetensors, "
    ".pth.",
)
@until_option("Export this node and what it needs, nothing else; repeatable.")
@click.option(
    "--feed",
    "-f",
    "feeds",
    multiple=True,
    metavar="NODE",
    help="Make the value of this node an input of the file; repeatable.",
)
@inputs_option(
    "Images to check the file on; repeatable.  [default: the spec's example, or a photograph that "
    "ships]"
)
@weights_option(default="the model's")
@loading_options
@set_option()
@seed_option("Seed of weights that no checkpoint fills.")
@click.option(
    "--tolerance",
    type=float,
    metavar="ERROR",
    help="Largest error of an output, relative to its largest number.  [default: 0.001]",
)
@click.option("--opset", type=int, metavar="N", help="Version of ONNX's operators.  [default: 18]")
@offline_option()
@click.option("--half", is_flag=True, help="Store weights as float16 (.safetensors, .pth).")
@click.option("--last", is_flag=True, help="Export the last weights of a run, not the best.")
@click.option("--raw", is_flag=True, help="Export the last weights of a run without averaging.")
def export(
    source: str,
    *,
    output: str,
    until: Sequence[str],
    feeds: Sequence[str],
    inputs: Sequence[str],
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    seed: int,
    tolerance: float | None,
    opset: int | None,
    half: bool,
    last: bool,
    raw: bool,
) -> None:
    """Write MODEL, a run or any other model with weights, as a file that describes itself.

    Files of weights (.safetensors, .pth) have the whole model, of a run the best weights by its
    metric, else the final ones, else those of its last checkpoint; averaged ones if there are any.

    Files of programs (.onnx, .pt2, .xml) have the nodes between those that are fed and those that
    are asked for. Each is run on images and compared with the model, output by output; one that
    differs is not kept.
    """
    from composer.exporting import ExportOptions, check_options, export_graph, find_exporter
    from composer.training import open_for_export

    path = Path(output)
    options = ExportOptions(
        until=tuple(until) or None,
        feeds=tuple(feeds),
        inputs=tuple(inputs) or None,
        tolerance=tolerance,
        opset=opset,
        half=half,
    )
    check_options(find_exporter(path), path, options)
    graph = open_for_export(
        source,
        dict(weights) or None,
        set=settings,
        seed=seed,
        last=last or raw,
        averaged=not raw,
        **load_arguments,
    )
    _require_weights(options, graph)
    report = export_graph(graph, path, _with_images(options, graph))
    click.echo(_summarise(report, graph))


def _require_weights(options: ExportOptions, graph: Graph) -> None:
    """Refuses to export nodes whose weights are random."""
    from composer.graph import require_weights

    paths = None
    if options.until is not None or options.feeds:
        until = None if options.until is None else list(options.until)
        paths = graph.plan(until, feeds=options.feeds, mode="inference").paths
    require_weights(graph, paths)


def _with_images(options: ExportOptions, graph: Graph) -> ExportOptions:
    """The options with the values of files in place of their names."""
    if options.inputs is None:
        return options
    from dataclasses import replace

    from composer.cli.run_inputs import assign_files, read_input_files
    from composer.exporting import plan_recording

    plan = plan_recording(graph, options.until and list(options.until), options.feeds)
    files = assign_files(options.inputs, graph.blueprint, plan)
    values, left_out = read_input_files(files, graph.blueprint, plan)
    for error in left_out:
        click.echo(f"error: {error}", err=True)
    return replace(options, inputs=values)


def _summarise(report: ExportReport, graph: Graph) -> str:
    file = report.files[0]
    size = sum(each.stat().st_size for each in report.files) / 1e6
    if not report.checked:
        classes = graph.spec.metadata.thing_classes or graph.spec.metadata.stuff_classes
        named = f", classes: {', '.join(classes)}" if classes else ""
        return f"{file}: {graph.spec.label}, {size:.1f} MB{named}"
    from composer.exporting import describe_check

    beside = "".join(f" and {each.name}" for each in report.files[1:])
    runs = "1 run" if report.num_examples == 1 else f"{report.num_examples} runs"
    lines = [
        f"{file}{beside}: {graph.spec.label}, {size:.1f} MB",
        f"  checked in {runs}, tolerance {report.tolerance:g}",
        *(f"  {describe_check(each)}" for each in report.checked),
    ]
    return "\n".join(lines)
