"""`composer predict`: detects objects in images and videos."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli.cache_options import KeptValues, cache_options, describe_use, keeping
from composer.cli.edit_options import EditChoice, edit_option
from composer.cli.inference_options import InferenceWay, inference_options
from composer.cli.options import (
    device_option,
    image_size_option,
    loading_options,
    model_option,
    names_option,
    offline_option,
    sample_range_option,
    set_option,
    threshold_option,
    weights_option,
)
from composer.cli.output import print_notes
from composer.cli.result_folders import choose_predictions_folder
from composer.cli.row_model import RowModel
from composer.cli.shard_options import JobOptions, job_options, print_report, run_job
from composer.cli.snapshot_options import save_on_error_option, saving_on_error
from composer.escapes import escape_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import ImageSize
    from composer.graph import LoadArguments
    from composer.prediction import FilePredictions, OutputFormat
    from composer.visualization import Background, ColorBy

_EXAMPLE = "astronaut.jpg"
_SHOWN = 5  # names in a list


@click.command(short_help="Detect objects in images and videos.")
@click.argument("paths", nargs=-1, metavar="[IMAGES|FOLDERS|VIDEOS]...")
@model_option()
@weights_option()
@loading_options
@set_option()
@threshold_option("an instance")
@names_option()
@image_size_option()
@sample_range_option()
@click.option(
    "--output", "-o", metavar="DIR", help="Folder of the results.  [default: runs/<model>]"
)
@click.option(
    "--color-by",
    type=click.Choice(["class", "instance"]),
    help="Colours of visualizations: by class or instance.  [default: class if there are several]",
)
@click.option(
    "--background",
    type=click.Choice(["color", "gray"]),
    default="color",
    show_default=True,
    help="Background of visualizations: as it is, or gray outside of instances.",
)
@click.option("--no-visualizations", is_flag=True, help="Draw no visualizations.")
@click.option(
    "--output-format",
    type=click.Choice(["json", "parquet"]),
    default="json",
    show_default=True,
    help="Format of the predictions: COCO's results, or Parquet with a row an image.",
)
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print the predictions; write no file.")
@edit_option()
@inference_options(by_default=True)
@cache_options
@save_on_error_option()
@offline_option()
@device_option()
@click.pass_context
def predict(
    context: click.Context,
    *,
    paths: Sequence[str],
    model: str,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    threshold: float,
    names: str | None,
    image_size: ImageSize | None,
    sample_range: tuple[float, float] | None,
    output: str | None,
    color_by: ColorBy | None,
    background: Background,
    no_visualizations: bool,
    output_format: OutputFormat,
    job: JobOptions,
    as_json: bool,
    edits: EditChoice,
    way: InferenceWay,
    kept: KeptValues,
    save_on_error: bool,
    device: str,
) -> None:
    """Detect objects in images and videos; draw and save the predictions.

    Visualizations and predictions.json, in COCO's results format with class names, go to a folder.
    Without PATHS, the example image that ships is used. Unreadable files are reported and skipped;
    the exit code is then 1.

    With --output-format parquet, --shard or --resume make a job of it: files of rows that appear
    whole, and no visualizations; IMAGES may be addresses such as s3://bucket/images then.

    Videos need the extra detection-composer[video], Parquet detection-composer[parquet].
    """
    from composer.graph import find_device
    from composer.model_source import find_model_source
    from composer.prediction import FilePredictions, Predictor, make_folder

    _check_output(output, output_format, job, as_json=as_json)
    if job.is_given and edits.texts:
        raise click.UsageError("--edit is not for jobs, whose rows come from one model: leave it")
    way.check()
    cache = kept.open()
    find_model_source(model)  # an unknown one leaves no folder of results
    files: Sequence[Any] = _list_images(paths) if job.is_given else _find_files(paths)
    folder = output or os.fspath(choose_predictions_folder(model))
    if not as_json and not job.is_given:
        make_folder(folder)  # before a model is loaded
    given: dict[str, Any] = {
        "model": model,
        "weights": weights or None,
        "set": settings,
        "score_threshold": threshold,
        "names": names,
        "image_size": image_size,
        "sample_range": sample_range,
        "device": find_device(device),
        **load_arguments,
    }
    if job.is_given:
        row_model = RowModel(given, way)
        report = run_job(row_model, paths, files, folder, job, done="predicted", cache=cache)
        print_report(report, folder, "image")
        context.exit(1 if report.num_errors else 0)
    predictor = Predictor(**given)
    predictor.graph = way.apply(predictor.graph)
    predictions = FilePredictions(
        predictor,
        files,
        sys.stdout if as_json else folder,
        visualize=not no_visualizations,
        color_by=color_by,
        background=background,
        output_format=output_format,
    )
    saving = saving_on_error(model, settings, is_asked=save_on_error)
    with keeping(predictor.graph, cache), edits.hold(predictor.graph), saving:
        is_complete = _predict_all(predictions, quiet=as_json)
    if cache is not None:
        print_notes(describe_use(cache, predictor.graph))
    if not is_complete:
        context.exit(1)


def _check_output(
    output: str | None, output_format: str, job: JobOptions, *, as_json: bool
) -> None:
    """Makes sure that the options of what is written fit each other."""
    from composer.row_files import require_pyarrow

    if as_json and (output is not None or output_format == "parquet"):
        other = "--output" if output is not None else "--output-format parquet"
        raise click.UsageError(f"--json prints the predictions; it excludes {other}")
    if job.is_given and output_format != "parquet":
        raise click.UsageError(
            "--shard, --resume, --images-per-file and --runner are for --output-format parquet"
        )
    job.check()
    if output_format == "parquet":
        require_pyarrow()


def _list_images(paths: Sequence[str]) -> Sequence[Any]:
    """The images of a job, by name."""
    from composer.extraction import list_images

    if not paths:
        raise click.UsageError("a job needs IMAGES")
    return list_images(paths)


def _find_files(paths: Sequence[str]) -> Sequence[Path]:
    """The images and videos, or the example; other files in folders are listed."""
    from composer.discovery import shipped_folder
    from composer.prediction import sort_files

    if not paths:
        example = shipped_folder("specs") / "examples" / _EXAMPLE
        click.echo(f"no files: predicting on the example, {os.path.relpath(example)}", err=True)
        return [example]
    found = sort_files(paths)
    for names, reason in (
        (found.others, "no images or videos by their names"),
        (found.visualizations, "visualizations of predictions, passed over"),
    ):
        if names:
            more = ["..."] * (len(names) > _SHOWN)
            listing = ", ".join([*(escape_name(file.name) for file in names[:_SHOWN]), *more])
            click.echo(f"{reason}: {listing}", err=True)
    return found.files


def _predict_all(predictions: FilePredictions, *, quiet: bool) -> bool:
    """Prints a line for each file.

    Returns:
        Whether every file could be read.
    """
    from composer.graph import format_seconds

    width = max(len(escape_name(file.name)) for file in predictions.files)
    is_complete = True
    try:
        for result in predictions:
            if result.error is not None:
                is_complete = False
                click.echo(f"error: {result.error}", err=True)
            elif not quiet:
                seconds = format_seconds(result.seconds)
                click.echo(
                    f"  {escape_name(result.file.name):<{width}}  {result.summary}  {seconds}"
                )
    finally:
        if predictions.saved and not quiet:
            _print_saved(predictions.saved)
    return is_complete


def _print_saved(files: Sequence[Path]) -> None:
    *visualizations, last = files
    if len(visualizations) > 1:
        click.echo(f"  saved {len(visualizations)} visualizations and {last}")
    else:
        click.echo(f"  saved {' and '.join(map(str, files))}")
