"""What `composer train` does, step by step."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from composer.cli.train_request import TrainRequest
from composer.experiment import check_experiment, run_experiment
from composer.training import Summary
from composer.training.progress import format_time


def train_request(request: TrainRequest) -> Summary | None:
    """Trains as it is asked for, and tells of it; None where only a check was asked for.

    Raises:
        ComposerError: for whatever a user can do something about.
    """
    experiment = request.read_experiment()
    if request.dry_run:
        for line in check_experiment(experiment):
            click.echo(line)
        return None
    folder = request.find_folder(experiment)
    with _warnings_shown():
        summary = run_experiment(
            experiment, folder, resume=request.resume, device=request.device, quiet=request.quiet
        )
    if os.environ.get("RANK", "0") == "0":
        _conclude(summary, str(folder))
    return summary


def _conclude(summary: Summary, folder: str) -> None:
    click.echo(
        f"{summary.status} after {summary.iteration} iterations "
        f"and {format_time(summary.seconds)}: {folder}"
    )
    if summary.best is not None and summary.best["value"] is not None:
        best = summary.best
        click.echo(f"  best {best['value']:.4g} after {best['iteration']} iterations")
    if not summary.is_complete:
        click.echo(f"  go on with: composer train --resume --output {folder}")


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """What the package logs goes to the standard error while the `with` block runs."""
    logger, handler = logging.getLogger("composer"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
