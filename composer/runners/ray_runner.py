"""Jobs on Ray Data: it reads images, runs models in actors, and writes Parquet files."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from composer.discovery import resolve_image
from composer.errors import InputError
from composer.row_files import Column, make_schema, require_pyarrow
from composer.runners.ray_rows import ID, RowMaker, SourceFactory, name_image, read_contents
from composer.sharded_jobs import JobReport, OutputFolder, RowSource, check_manifest, hash_names
from composer.stores import is_store_address

NEEDED = "--runner ray needs Ray, which is not installed: pip install 'detection-composer[ray]'"

_JOB = ".job"  # beside the files of rows: the list of images, and Ray's checkpoints
_READING_CPUS = 0.25
_OTHERS = 3  # processors that readers, writers and the filter of a resumed job need to go on
_BATCH = 16  # images that an actor gets at once
_IMAGES_PER_FILE = 1000
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
_ERROR = re.compile(r"^\s*(?:[\w.]+\.)?(\w+(?:Error|Exception)): \S.*$", re.MULTILINE)
_OF_RAY = ("RayTaskError", "UserCodeException")  # about errors of others
_LIST_ROWS = 10_000  # of a row group of the list of images


class RayRunner:
    """Runs jobs on Ray Data.

    Args:
        address: of a cluster; None starts a local one, which ends with the job.
        workers: the number of actors, each with a model on one processor; None takes as many as the
            cluster has processors for.
        images_per_file: images of a file of rows.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        images_per_file: int = _IMAGES_PER_FILE,
    ) -> None:
        self._address, self._workers = address, workers
        self._images_per_file = images_per_file
        self._batch_size = min(_BATCH, images_per_file)

    def run(
        self,
        factory: SourceFactory,
        source: RowSource,
        images: Sequence[str],
        output: str,
        *,
        resume: bool = False,
    ) -> JobReport:
        """Collects the rows of images as Parquet files.

        Args:
            factory: opens what makes rows, in each actor.
            source: the same, opened here.
            images: all images of the job.
            output: the folder or address of results, which all machines reach.
            resume: go on with a job that ended.

        Raises:
            InputError: Ray is not installed or cannot be reached; the folder has other results; a
                column is dense; or the job failed. What was finished stays.
        """
        require_ray()
        columns = source.find_columns()
        dense = [column.name for column in columns if column.kind == "dense"]
        if dense:
            raise InputError(
                f"'{dense[0]}' has maps, which go into files of their own that Ray does not write: "
                "pool them with --reduce mean, or run without --runner"
            )
        folder = OutputFolder(output)
        present = [name for name in folder.list_names() if name.endswith(".parquet")]
        if present and not resume:
            raise InputError(
                f"{output} has results already ({present[0]}); go on with --resume, or choose "
                "another folder with --output"
            )
        job = {**source.describe(), "num_images": len(images), "images": hash_names(images)}
        check_manifest(folder, {**job, "runner": "ray"})
        with _connected(self._address), _described_failures(output):
            self._execute(factory, columns, source.describe_file(columns), images, folder)
        return _count(folder, len(images))

    def _execute(
        self,
        factory: SourceFactory,
        columns: tuple[Column, ...],
        metadata: Any,
        images: Sequence[str],
        folder: OutputFolder,
    ) -> None:
        import pyarrow as pa
        import ray
        from ray.data import SaveMode

        own = make_schema(columns, metadata)
        schema = pa.schema([pa.field(ID, pa.string()), *own], metadata=own.metadata)
        place = _place(folder)
        listed = _write_list(images, folder)
        _configure(f"{place}/{_JOB}/checkpoint")
        cluster: Any = ray  # it is typed in part
        spare = int(cluster.cluster_resources().get("CPU", 1)) - _OTHERS
        most = self._workers or max(1, spare)
        data = ray.data.read_parquet(f"{place}/{_JOB}/{listed}")
        data = data.repartition(target_num_rows_per_block=self._images_per_file)
        data = data.map_batches(read_contents, batch_size=self._batch_size, num_cpus=_READING_CPUS)
        data = data.map_batches(
            RowMaker,
            fn_constructor_args=(factory, columns, schema),
            batch_size=self._batch_size,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
            num_cpus=1,
        )
        data.write_parquet(place, mode=SaveMode.APPEND)


def require_ray() -> None:
    """Makes sure that jobs can run on Ray.

    Raises:
        InputError: Ray is not installed.
    """
    require_pyarrow()
    if find_spec("ray") is None or find_spec("pandas") is None:
        raise InputError(NEEDED)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Connects with a cluster, without telemetry, or starts a local one for the body.

    Raises:
        InputError: there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it prints remarks as errors
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own, of what it will change
            if address is None:
                ray.init(
                    address="local", num_cpus=_count_local(), include_dashboard=False, **_QUIET
                )
            else:
                ray.init(address=address, **_QUIET)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = "locally" if address is None else f"at {address}"
        raise InputError(f"Ray cannot be reached {where}: {error!s:.300}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _count_local() -> int:
    """Processors that a local Ray counts with: those of actors, and some for what else it runs."""
    return (os.cpu_count() or 1) + _OTHERS


@contextmanager
def _described_failures(output: str) -> Iterator[None]:
    """Says of a job that fails that it can go on."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise InputError(
            f"the job on Ray failed: {_find_reason(error):.300}. What was finished is in {output}: "
            "go on with --resume"
        ) from error


def _find_reason(error: Exception) -> str:
    """The error of the worker, in the text of Ray's, which has the traces of several processes."""
    found = [match for match in _ERROR.finditer(str(error)) if match[1] not in _OF_RAY]
    return found[-1][0].strip() if found else type(error).__name__


def _configure(checkpoint: str) -> None:
    """Has Ray note what is finished, by the images that rows are of."""
    import ray
    from ray.data.checkpoint import CheckpointConfig

    context = ray.data.DataContext.get_current()
    context.checkpoint_config = CheckpointConfig(
        id_column=ID, checkpoint_path=checkpoint, delete_checkpoint_on_success=False
    )
    # The rows of an image stay in one file, so that it is finished whole or not at all.
    context.target_max_block_size = None
    context.enable_progress_bars = sys.stderr.isatty()
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _place(folder: OutputFolder) -> str:
    return folder.address if folder.local is None else os.fspath(folder.local.absolute())


def _write_list(images: Sequence[str], folder: OutputFolder) -> str:
    """Writes the images of the job as a table that Ray reads; its name."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            ID: [name_image(number, name) for number, name in enumerate(images)],
            "image": pa.array(range(len(images)), pa.int64()),
            "file_name": list(images),
            "path": [_find_path(one) for one in images],
        }
    )
    inner = OutputFolder(f"{folder.address}/{_JOB}")
    name = "images.parquet"
    with inner.work_folder("images") as work:
        parquet.write_table(table, Path(work, name), row_group_size=_LIST_ROWS)
        inner.publish(Path(work, name))
    return name


def _find_path(name: str) -> str:
    return name if is_store_address(name) else os.path.abspath(resolve_image(name))


def _count(folder: OutputFolder, num_images: int) -> JobReport:
    """What the files of a job have."""
    from pyarrow import dataset

    names = sorted(name for name in folder.list_names() if name.endswith(".parquet"))
    if not names:
        return JobReport(num_images)
    files = [f"{folder.path}/{name}" for name in names]
    rows = dataset.dataset(files, format="parquet", filesystem=folder.system)
    failed = rows.to_table(columns=["error"], filter=dataset.field("error").is_valid())
    first = failed["error"][0].as_py() if len(failed) else ""
    return JobReport(num_images, rows.count_rows(), len(failed), names, first_error=first)
