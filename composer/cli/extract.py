"""`composer extract`: collects named values over many images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composer.cli.cache_options import KeptValues, cache_options
from composer.cli.inference_options import InferenceWay, inference_options
from composer.cli.options import (
    device_option,
    format_option,
    image_size_option,
    images_option,
    loading_options,
    model_option,
    names_option,
    offline_option,
    sample_range_option,
    set_option,
    threshold_option,
    until_option,
    weights_option,
)
from composer.cli.output import format_json
from composer.cli.row_model import RowModel
from composer.cli.shard_options import JobOptions, job_options, print_report, run_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import ImageSize
    from composer.graph import LoadArguments


@click.command(short_help="Collect any named values over many images.")
@click.argument("paths", nargs=-1, metavar="IMAGES...", required=True)
@model_option()
@until_option("Node, port or tap to collect; repeatable.")
@click.option(
    "--per",
    type=click.Choice(["image", "region", "detection"]),
    default="image",
    show_default=True,
    help="What a row is: an image, a region, or a detection that is kept.",
)
@click.option(
    "--reduce",
    type=click.Choice(["none", "mean", "max"]),
    default="none",
    show_default=True,
    help="Pool maps: the mean or the maximum of each channel.",
)
@threshold_option("a detection")
@click.option(
    "--output", "-o", required=True, metavar="DIR", help="Folder, or address, of results."
)
@weights_option()
@loading_options
@set_option()
@names_option()
@image_size_option()
@sample_range_option()
@images_option("annotations in IMAGES")
@format_option()
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON document.")
@inference_options(by_default=True)
@cache_options
@offline_option()
@device_option()
@click.pass_context
def extract(
    context: click.Context,
    *,
    paths: Sequence[str],
    model: str,
    until: Sequence[str],
    per: str,
    reduce: str,
    threshold: float,
    output: str,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    settings: Sequence[str],
    names: str | None,
    image_size: ImageSize | None,
    sample_range: tuple[float, float] | None,
    images: str | None,
    format_: str | None,
    job: JobOptions,
    as_json: bool,
    way: InferenceWay,
    kept: KeptValues,
    device: str,
) -> None:
    """Collect any named values over images, as Parquet files.

    IMAGES are images, folders of images (with those below), text files that name one image a line,
    annotations or data files; addresses such as s3://bucket/images, too. A row is an image, a
    region or a detection; maps of images go to safetensors files beside, unless they are pooled. An
    image that cannot be read is a row with an error; the exit code is 1 if none can.

    Needs the extra detection-composer[parquet].
    """
    from composer.extraction import list_images
    from composer.graph import find_device
    from composer.model_source import find_model_source
    from composer.row_files import require_pyarrow

    way.check()
    job.check()
    cache = kept.open()
    require_pyarrow()
    if per == "image" and not until:
        raise click.UsageError("name what to collect: --until NODE")
    find_model_source(model)
    files = list_images(paths, images=images, format=format_)
    predictor = {
        "model": model,
        "weights": weights or None,
        "set": settings,
        "names": names,
        "device": find_device(device),
        **load_arguments,
    }
    values = {
        "until": list(until) or None,
        "per": per,
        "reduce": reduce,
        "score_threshold": threshold,
        "image_size": image_size,
        "sample_range": sample_range,
    }
    row_model = RowModel(predictor, way, values)
    report = run_job(
        row_model, paths, files, output, job, done="collected", cache=cache, quiet=as_json
    )
    if as_json:
        click.echo(format_json({**report.describe(), "output": output}, indent=None))
    else:
        print_report(report, output, per)
    if report.num_images and report.num_errors == report.num_images:
        context.exit(1)
