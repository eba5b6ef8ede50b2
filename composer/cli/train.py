"""`composer train`: trains a model by an experiment."""

from __future__ import annotations

import logging
import os
import shlex
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from composer.cli.cache_options import KeptValues, cache_options
from composer.cli.options import (
    device_option,
    forbid_fetching,
    format_option,
    images_option,
    loading_options,
    offline_option,
    set_option,
    weights_option,
)
from composer.cli.output import count_things
from composer.model_source import find_model_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from composer.documents import DocumentSource, Setting
    from composer.experiment import Experiment
    from composer.graph import LoadArguments
    from composer.training import Summary

_TIME = "%Y%m%d-%H%M%S"


@click.command(short_help="Train a model.")
@click.argument("spec", required=False)
@click.option("--experiment", "-e", metavar="FILE", help="Model, datasets and training settings.")
@click.option(
    "--data",
    "-d",
    metavar="PATH",
    help="Data file, or annotations in any format (overrides the experiment's datasets).",
)
@images_option()
@format_option()
@weights_option(default="the experiment's, else the model's, else the best at hand")
@loading_options
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Train random layers instead of freezing them, and look for no weights.",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    help="Number of optimizer steps (overrides the experiment's).",
)
@set_option()
@click.option(
    "--output", "-o", metavar="DIR", help="Folder of the run.  [default: runs/<name>-<time>]"
)
@click.option("--resume", is_flag=True, help="Resume from the last checkpoint in --output.")
@offline_option()
@device_option()
@cache_options
@click.option("--dry-run", is_flag=True, help="Check everything; train nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Print the summary only.")
@click.pass_context
def train(
    context: click.Context,
    *,
    spec: str | None,
    experiment: str | None,
    data: str | None,
    images: str | None,
    format_: str | None,
    weights: Mapping[str, str],
    load_arguments: LoadArguments,
    from_scratch: bool,
    iterations: int | None,
    settings: Sequence[str],
    output: str | None,
    resume: bool,
    device: str,
    kept: KeptValues,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Train a model by an experiment; SPEC and --data override its own.

    SPEC is any model: a spec, one that ships, a checkpoint or the folder of a run. Without an
    experiment, it is trained with the usual settings on --data: on the dataset `train` (with the
    validation set `validation` or `val`), or on four fifths of the only one or of `train` beside
    `test`.

    Initial weights are those of --weights or the experiment, else the model's own, else the best
    that are at hand: those that ship, in installed packages, in our cache and those of torch, timm
    and detectron2.

    --set takes addresses of the whole experiment, in full or by a unique end: lr=0.001,
    model.num_classes=3, datasets.train.annotations=x.json, '*.num_workers=0'.

    With --resume, the experiment is the one in the folder of the run unless another is named, or
    SPEC and --data are. A signal (Ctrl-C, SIGTERM) saves first. Exit code 0 when it is over, 3 when
    it can be resumed.

    With --cache, nodes that come before anything trained or random run once for each batch: where
    batches come again, that is without augmentations in batches of one image, or with
    `train.variants`.

    Several processes: torchrun --nproc-per-node 2 -m composer train ...
    """
    from composer.experiment import check_experiment, run_experiment

    if resume and output is None:
        raise click.UsageError("--resume needs the folder of the run: --output DIR")
    if dry_run:
        forbid_fetching(context, "--dry-run fetches nothing")
    if spec is not None and experiment is None and find_model_source(spec).kind == "experiment":
        spec, experiment = None, spec
    replaced = _locate_options(spec, iterations, settings)
    source = _find_data(data, images, format_)
    read = _read_experiment(experiment, spec, source, replaced, output if resume else None)
    read = read.with_initial_weights(weights, from_scratch=from_scratch, **load_arguments)
    folder = output or str(Path("runs", f"{read.name}-{time.strftime(_TIME)}"))
    if dry_run:
        for line in check_experiment(read, folder, resume=resume):
            click.echo(line)
        return
    with _logging_to_stderr():
        summary = run_experiment(
            read, folder, resume=resume, device=device, quiet=quiet, cache=kept.open()
        )
    if os.environ.get("RANK", "0") == "0":
        _print_summary(summary, folder, kept)
    if not summary.is_complete:
        context.exit(3)


def _locate_options(
    spec: str | None, iterations: int | None, settings: Sequence[str]
) -> list[Setting]:
    """The options that replace values of an experiment, and those of --set, as settings."""
    from composer.documents import ProblemLog, as_absolute, locate_settings, parse_settings

    # Files that the command line names are looked for in the current folder, not elsewhere.
    given = {
        "spec": spec and as_absolute(spec),
        "training.iterations": iterations,
    }
    log = ProblemLog()
    options = {address: value for address, value in given.items() if value is not None}
    found = locate_settings(options, "command line", log) + parse_settings(settings, log)
    log.raise_any()
    return found


def _find_data(data: str | None, images: str | None, format_: str | None) -> DocumentSource | None:
    """The data file of --data, which its other options go with."""
    from composer.data import find_data

    for option, value in (("--images", images), ("--format", format_)):
        if value is not None and data is None:
            raise click.UsageError(f"{option} goes with --data ANNOTATIONS")
    return None if data is None else find_data(data, images, format_)


def _read_experiment(
    experiment: str | None,
    spec: str | None,
    data: DocumentSource | None,
    settings: Sequence[Setting],
    resumed: str | None,
) -> Experiment:
    """The named experiment, else that of a resumed run, else the standard one."""
    from composer.experiment import load_experiment, standard_experiment
    from composer.training import RunFolder

    if experiment is None and resumed is None and (spec is None or data is None):
        raise click.UsageError("name an experiment (--experiment FILE), or SPEC and --data FILE")
    is_named = spec is not None and data is not None
    if experiment is None and resumed is not None and not is_named:
        experiment = str(RunFolder(resumed).experiment)
    if experiment is not None:
        return load_experiment(experiment, set=settings, data=data)
    return standard_experiment(spec or "", data or {}, set=settings)


def _print_summary(summary: Summary, folder: str, kept: KeptValues) -> None:
    from composer.training import format_time

    click.echo(
        f"{summary.status} after {count_things(summary.iteration, 'iteration')} "
        f"and {format_time(summary.seconds)}: {folder}"
    )
    if summary.best is not None and summary.best["value"] is not None:
        best = summary.best
        iterations = count_things(best["iteration"], "iteration")
        click.echo(f"  best {best['value']:.4g} after {iterations}")
    if not summary.is_complete:
        cache = [] if kept.folder is None else ["--cache", kept.folder]
        command = shlex.join(["composer", "train", "--resume", "--output", folder, *cache])
        click.echo(f"  resume with: {command}")


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """Prints what the package logs to the standard error while the `with` block runs."""
    logger, handler = logging.getLogger("composer"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
