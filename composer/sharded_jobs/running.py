"""Runs the shards of a job: finished ones are passed over, and files appear whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from composer.errors import InputError
from composer.row_files import DENSE_FOLDER, Column, ParquetFile
from composer.sharded_jobs.manifest import check_manifest, hash_names, note_parts
from composer.sharded_jobs.output_folder import OutputFolder
from composer.sharded_jobs.row_source import RowSource
from composer.sharded_jobs.shards import ShardChoice, name_shard, shard_range

_SUFFIX = ".parquet"


@dataclass
class JobReport:
    """What a process did.

    Args:
        num_images: read by it.
        num_rows: written by it.
        num_errors: images of it that could not be read or computed.
        written: names of the files of rows.
        finished: shards that were finished before.
        elsewhere: shards that other processes are at.
        first_error: the first of the errors.
    """

    num_images: int = 0
    num_rows: int = 0
    num_errors: int = 0
    written: list[str] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)
    first_error: str = ""

    def describe(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def run_shards(
    source: RowSource,
    images: Sequence[str],
    folder: OutputFolder,
    choice: ShardChoice,
    *,
    resume: bool = False,
    on_image: Callable[[int], object] = lambda _count: None,
) -> JobReport:
    """Collects the rows of images, a file a shard.

    A shard's file appears when all of it is there; after a kill at any moment, what has its name is
    complete, and `resume` does the rest. On a disk, two processes never do one shard.

    Args:
        source: what is collected.
        images: all images of the job, the same list in each of its processes.
        folder: of the results.
        choice: the shards, and those of this process.
        resume: whether finished shards are passed over; otherwise there may be none.
        on_image: called with the number of images that are done, after each and for what was done
            before.

    Raises:
        InputError: the folder has results of another job, or finished shards without `resume`; or
            another process is at the only shard that was asked for.
        OSError, CheckpointError: a file cannot be written. Finished shards stay.
    """
    if not resume:
        _refuse_finished(folder, choice)
    job = {
        **source.describe(),
        "num_images": len(images),
        "images": hash_names(images),
        "shards": choice.count,
    }
    present = folder.list_names()
    names = [name_shard(index, choice.count) + _SUFFIX for index in choice.numbers]
    # First, so that a job that cannot be done leaves no manifest.
    columns = () if present.issuperset(names) else source.find_columns()
    check_manifest(folder, job)
    report = JobReport()
    for index in choice.numbers:
        name, places = (
            name_shard(index, choice.count),
            shard_range(index, choice.count, len(images)),
        )
        with folder.claimed(name) as is_claimed:
            if not is_claimed:
                report.elsewhere.append(index)
                continue
            if name + _SUFFIX in folder.list_names():
                report.finished.append(index)
                on_image(len(places))
                continue
            shard = _Shard(source, columns, folder, name)
            shard.write(images, places, report, on_image)
    if choice.only is not None and report.elsewhere:
        raise InputError(
            f"another process is at shard {choice.only}/{choice.count} in {folder.address}; it is "
            "left to that one"
        )
    return report


@dataclass(frozen=True)
class _Shard:
    source: RowSource
    columns: tuple[Column, ...]
    folder: OutputFolder
    name: str

    def write(
        self,
        images: Sequence[str],
        places: range,
        report: JobReport,
        on_image: Callable[[int], object],
    ) -> None:
        """Writes the file of the shard aside, and publishes it: what belongs to it goes first."""
        metadata = self.source.describe_file(self.columns)
        name, local = self.name + _SUFFIX, self.folder.local
        target = None if local is None else local / name
        with self.folder.work_folder(self.name) as work:
            with ParquetFile(work / name, self.columns, metadata, target) as file:
                for place in places:
                    rows = self.source.collect(images[place], place)
                    file.add(rows)
                    report.first_error = report.first_error or rows.error or ""
                    on_image(1)
            for dense in file.dense_files:
                self.folder.publish(dense, DENSE_FOLDER)
            self.folder.publish(file.path)
        counts = {"images": len(places), "rows": file.num_rows, "errors": file.num_errors}
        self._note(report, counts)
        note_parts(self.folder, {self.name + _SUFFIX: counts})

    def _note(self, report: JobReport, counts: dict[str, Any]) -> None:
        report.num_images += counts["images"]
        report.num_rows += counts["rows"]
        report.num_errors += counts["errors"]
        report.written.append(self.name + _SUFFIX)


def _refuse_finished(folder: OutputFolder, choice: ShardChoice) -> None:
    present = [name for name in folder.list_names() if name.endswith(_SUFFIX)]
    own = {name_shard(index, choice.count) + _SUFFIX for index in choice.numbers}
    finished = sorted(own.intersection(present) if choice.only is not None else present)
    if finished:
        raise InputError(
            f"{folder.address} has results already ({finished[0]}); go on with --resume, or choose "
            "another folder with --output"
        )
