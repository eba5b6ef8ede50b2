"""What `composer data check` tells."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from tqdm import tqdm

from composer.cli.counts import count_things
from composer.data.data_file import DatasetDocument
from composer.data.dataset import Dataset
from composer.data.faults import Fault, count_faults, describe_faults
from composer.data.inspection import inspect_dataset
from composer.errors import DataError


def check_datasets(datasets: Mapping[str, DatasetDocument], *, quick: bool, as_json: bool) -> bool:
    """Inspects datasets one after the other and prints what is wrong.

    Args:
        datasets: the datasets by name.
        quick: whether to read no more of an image than its size.
        as_json: whether to print one JSON document instead of lines.

    Returns:
        Whether nothing is.
    """
    reports = []
    for name, document in datasets.items():
        reports.append(_check(name, document, quick))
        if not as_json:
            _print(reports[-1])
    num_bad = sum(bool(report["error"] or report["faults"]) for report in reports)
    if as_json:
        click.echo(json.dumps({"datasets": reports}, indent=2))
    elif num_bad:
        num_faults = sum(len(report["faults"]) for report in reports)
        num_errors = sum(bool(report["error"]) for report in reports)
        counts = [(num_errors, "error"), (num_faults, "fault")]
        found = " and ".join(count_things(number, what) for number, what in counts if number)
        click.echo(f"{found} in {num_bad} of {count_things(len(reports), 'dataset')}.")
    return num_bad == 0


def count_objects(dataset: Dataset) -> str:
    """How much there is in a dataset: `96 images, 240 objects of 1 class`."""
    classes = count_things(len(dataset.metadata.thing_classes), "class", "es")
    images = count_things(len(dataset), "image")
    objects = count_things(dataset.num_annotations, "object")
    num_segments = sum(len(record.segments) for record in dataset)
    segments = f", {count_things(num_segments, 'segment')}" if num_segments else ""
    return f"{images}, {objects} of {classes}{segments}"


def _check(name: str, document: DatasetDocument, quick: bool) -> dict[str, Any]:
    report: dict[str, Any] = {"name": name, "error": None, "faults": [], "faults_by_kind": {}}
    try:
        dataset = document.read(name)
    except DataError as error:
        return {**report, "error": str(error)}
    faults = _inspect(dataset, quick)
    try:
        used = document.select_from(dataset)
    except DataError as error:
        report["error"] = str(error)
        used = dataset
    return {
        **report,
        "images": len(used),
        "objects": used.num_annotations,
        "summary": count_objects(used),
        "faults_by_kind": count_faults(faults),
        "faults": [asdict(fault) for fault in faults],
    }


def _inspect(dataset: Dataset, quick: bool) -> Sequence[Fault]:
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
    faults = [Fault(**fault) for fault in report["faults"]]
    state = "" if faults or report["error"] else ": ok"
    if "summary" in report:
        click.echo(f"{report['name']}{state} ({report['summary']})")
    if report["error"]:
        click.echo(f"  error: {report['error']}")
    for line in describe_faults(faults).splitlines():
        click.echo(f"  {line}")
