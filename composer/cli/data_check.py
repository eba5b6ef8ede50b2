"""`composer data check`: reports the faults of datasets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from composer.cli.data_choice import DataChoice, data_options
from composer.cli.options import json_option
from composer.cli.output import count_things, format_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from composer.data import Dataset, DatasetDocument, Fault, Recognition

_MAX_NAMED = 5


@click.command(short_help="Report the faults of datasets.")
@data_options
@click.option("--quick", is_flag=True, help="Read the size of each image only, not its pixels.")
@json_option()
@click.pass_context
def check(
    context: click.Context,
    *,
    chosen: DataChoice,
    quick: bool,
    as_json: bool,
) -> None:
    """Open every image of DATA and report all faults, by kind, with counts and names.

    Missing files, truncated images, images of another size than their annotations, boxes outside
    or without area, empty polygons, masks and keypoints that do not fit, unknown and nameless
    categories, ids that occur twice, and annotations of images that are not there.
    The exit code is 1 if there is a fault; objects without a mask beside others with one are
    remarks.
    """
    datasets = chosen.find()
    recognition = _recognise(chosen)
    if recognition is not None and not as_json:
        _print_format(chosen.data, recognition)
    reports = []
    for name, document in datasets.items():
        reports.append(_check(name, document, quick))
        if not as_json:
            _print(reports[-1])
    num_bad = sum(bool(report["error"] or report["faults"]) for report in reports)
    if as_json:
        format_found = None if recognition is None else recognition.describe()
        click.echo(format_json({"format": format_found, "datasets": reports}))
    elif num_bad:
        num_faults = sum(len(report["faults"]) for report in reports)
        num_errors = sum(bool(report["error"]) for report in reports)
        counts = [(num_errors, "error"), (num_faults, "fault")]
        found = " and ".join(count_things(number, what) for number, what in counts if number)
        click.echo(f"{found} in {num_bad} of {count_things(len(reports), 'dataset')}.")
    if num_bad or (recognition is not None and recognition.unread):
        context.exit(1)


def _recognise(chosen: DataChoice) -> Recognition | None:
    """The format of annotations; None for data files and experiments."""
    from composer.data import find_data_file, recognise_data
    from composer.experiment import is_experiment

    data = chosen.data
    if chosen.format is None and (is_experiment(data) or find_data_file(data) is not None):
        return None
    return recognise_data(data, chosen.images, chosen.format)


def _print_format(data: str, recognition: Recognition) -> None:
    click.echo(f"{data}: {recognition.describe()}")
    for note in recognition.notes:
        click.echo(f"  note: {note}")
    if recognition.unread:
        files = ", ".join(recognition.unread[:_MAX_NAMED])
        more = ", ..." if len(recognition.unread) > _MAX_NAMED else ""
        click.echo(f"  not read, of no format that is recognised: {files}{more}")


def count_objects(dataset: Dataset) -> str:
    """The size of a dataset: `96 images, 240 objects of 1 class`."""
    classes = count_things(len(dataset.metadata.thing_classes), "class", "es")
    images = count_things(len(dataset), "image")
    objects = count_things(dataset.num_annotations, "object")
    num_segments = sum(len(record.segments) for record in dataset)
    segments = f", {count_things(num_segments, 'segment')}" if num_segments else ""
    return f"{images}, {objects} of {classes}{segments}"


def _check(name: str, document: DatasetDocument, quick: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from composer.data import count_faults
    from composer.errors import DataError

    report: dict[str, Any] = {
        "name": name,
        "error": None,
        "faults": [],
        "faults_by_kind": {},
        "remarks": [],
    }
    try:
        dataset = document.read(name)
    except DataError as error:
        return {**report, "error": str(error)}
    found = _inspect(dataset, quick)
    faults = [fault for fault in found if not fault.is_remark]
    try:
        used = document.select_from(dataset)
    except DataError as error:
        report["error"] = str(error)
        used = dataset
    return {
        **report,
        "images": len(used),
        "objects": used.num_annotations,
        "annotated": _is_annotated(used),
        "summary": count_objects(used),
        "faults_by_kind": count_faults(faults),
        "faults": [asdict(fault) for fault in faults],
        "remarks": [asdict(fault) for fault in found if fault.is_remark],
    }


def _is_annotated(dataset: Dataset) -> bool:
    return any(r.annotations or r.segments or r.sem_seg_file is not None for r in dataset)


def _inspect(dataset: Dataset, quick: bool) -> Sequence[Fault]:
    from tqdm import tqdm

    from composer.data import inspect_dataset

    with tqdm(
        total=len(dataset),
        desc=dataset.name,
        unit="image",
        leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:

        def advance(done: int, _total: int) -> None:
            bar.update(done - bar.n)

        return inspect_dataset(dataset, quick=quick, progress=advance)


def _print(report: Mapping[str, Any]) -> None:
    from composer.data import Fault, describe_faults

    faults = [Fault(**fault) for fault in report["faults"]]
    state = "" if faults or report["error"] else ": ok"
    if state and not report["annotated"]:
        state = ": images are readable, nothing is annotated"
    if "summary" in report:
        click.echo(f"{report['name']}{state} ({report['summary']})")
    if report["error"]:
        click.echo(f"  error: {report['error']}")
    remarks = [Fault(**remark) for remark in report["remarks"]]
    for found, mark in ((faults, ""), (remarks, "note: ")):
        for line in describe_faults(found).splitlines():
            click.echo(f"  {line if line.startswith(' ') else mark + line}")
