"""The options of jobs over many images: shards, resume, and who runs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from composer.cli.cache_options import keeping
from composer.errors import InputError

if TYPE_CHECKING:
    from composer.cli.row_model import RowModel
    from composer.sharded_jobs import JobReport, ShardChoice
    from composer.value_cache import ValueCache

_IMAGES_A_FILE = 1000


class JobOptions(NamedTuple):
    """How a job over images is cut and run.

    Args:
        shard: `i/n`, or None.
        resume: whether finished shards are passed over.
        images_per_file: of a job without `shard`; None for the default.
        runner: `ray`, or None for this process.
        address: of Ray's cluster.
        workers: the number of Ray's actors.
    """

    shard: str | None
    resume: bool
    images_per_file: int | None
    runner: str | None
    address: str | None
    workers: int | None

    @property
    def is_given(self) -> bool:
        """Whether any of them was given."""
        return any(value not in (None, False) for value in self)

    def choose(self, num_images: int) -> ShardChoice:
        """The shards of a job, and those of this process.

        Raises:
            UsageError: two options exclude each other.
            InputError: there is no such shard.
        """
        from composer.sharded_jobs import ShardChoice, parse_shard

        if self.shard is None:
            return ShardChoice(max(1, -(-num_images // (self.images_per_file or _IMAGES_A_FILE))))
        if self.images_per_file is not None:
            raise click.UsageError(
                "--shard i/n says how many files there are; it excludes --images-per-file"
            )
        return parse_shard(self.shard)

    def check(self) -> None:
        """Makes sure that the options fit each other.

        Raises:
            UsageError, InputError: they do not.
        """
        self.choose(1)
        if self.runner is None and (self.address is not None or self.workers is not None):
            raise click.UsageError("--address and --workers are for --runner ray")
        if self.runner is not None and self.shard is not None:
            raise click.UsageError("--runner ray divides the images itself; it excludes --shard")
        if self.runner is not None:
            from composer.runners import require_ray

            require_ray()


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of jobs, which the command receives as `job`."""

    @wraps(command)
    def collected(*args: Any, **given: Any) -> Any:
        options = JobOptions(*(given.pop(name) for name in JobOptions._fields))
        return command(*args, job=options, **given)

    options = (
        click.option(
            "--shard",
            metavar="I/N",
            help="Do shard I of N, counted from 0, and nothing else: one file on shared storage.",
        ),
        click.option(
            "--resume", is_flag=True, help="Go on where a job ended; finished files stay."
        ),
        click.option(
            "--images-per-file",
            type=click.IntRange(min=1),
            help=f"Images of a file, without --shard.  [default: {_IMAGES_A_FILE}]",
        ),
        click.option(
            "--runner",
            type=click.Choice(["ray"]),
            help="Run on Ray Data: its workers read images, run models and write files.",
        ),
        click.option(
            "--address", help="Address of Ray's cluster.  [default: a local one is started]"
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Ray's actors, each with the model on one processor.  [default: all processors]",
        ),
    )
    wrapped: Any = collected
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def run_job(
    model: RowModel,
    paths: Sequence[str],
    images: Sequence[str],
    output: str,
    job: JobOptions,
    *,
    done: str,
    cache: ValueCache | None = None,
    quiet: bool = False,
) -> JobReport:
    """Runs this process's shards of a job, with its progress; or the whole job on Ray.

    Args:
        model: opens what makes rows.
        paths: what the user named.
        images: the names of all images in it.
        output: the folder of results.
        job: the options.
        done: what was done with an image, for the progress.
        cache: keeps values of nodes, or None.
        quiet: show no progress.

    Raises:
        UsageError: values are to be kept by a job on Ray.
        InputError: results would lie among the images.
    """
    from composer.evaluation import EvaluationProgress
    from composer.sharded_jobs import OutputFolder, run_shards, shard_range

    if job.runner is not None and cache is not None:
        raise click.UsageError("--cache keeps values of this process; leave it with --runner ray")
    _refuse_folder_of_images(output, [*paths, *(os.path.dirname(image) for image in images)])
    source = model.open_source()
    if job.runner is not None:
        from composer.runners import RayRunner

        runner = RayRunner(job.address, job.workers, job.images_per_file or _IMAGES_A_FILE)
        there = model.with_absolute_paths()
        return runner.run(there, source, images, output, resume=job.resume)
    choice = job.choose(len(images))
    total = sum(len(shard_range(one, choice.count, len(images))) for one in choice.numbers)
    progress = EvaluationProgress(total, quiet=quiet, done=done)
    with progress, keeping(source.graph, cache):
        return run_shards(
            source,
            images,
            OutputFolder(output),
            choice,
            resume=job.resume,
            on_image=progress.update,
        )


def _refuse_folder_of_images(output: str, folders: Sequence[str]) -> None:
    if _locate(output) in {_locate(folder) for folder in set(folders)}:
        raise InputError(
            f"{output} is a folder of the images, and results are not mixed with them: choose "
            "another folder with --output"
        )


def _locate(place: str) -> str:
    """A path or an address in a form in which two that mean one place are equal."""
    from composer.stores import is_store_address

    return place.rstrip("/") if is_store_address(place) else os.path.realpath(place)


def print_report(report: JobReport, output: str, rows: str) -> None:
    """Prints what a job did.

    Args:
        report: what it did.
        output: the folder of results.
        rows: what a row is, in the singular.
    """
    from composer.plurals import count_noun

    if report.first_error:
        click.echo(f"error: {report.first_error}", err=True)
    more = report.num_errors - 1
    if more > 0:
        click.echo(
            f"error: {count_noun(more, 'more image')} could not be used; see the column 'error'",
            err=True,
        )
    if report.finished:
        click.echo(f"  {count_noun(len(report.finished), 'file')} finished before")
    if report.elsewhere:
        click.echo(f"  {count_noun(len(report.elsewhere), 'shard')} left to other processes")
    if report.written:
        errors = f", {count_noun(report.num_errors, 'error')}" if report.num_errors else ""
        files = count_noun(len(report.written), "file")
        found = count_noun(report.num_rows - report.num_errors, rows)
        found = "" if rows == "image" else f", {found}"
        images = count_noun(report.num_images, "image")
        click.echo(f"  {images}{found}{errors}: {files} in {output}")
