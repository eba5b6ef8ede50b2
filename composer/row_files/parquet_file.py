"""One Parquet file of rows, written as they come, with files of dense tensors beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from composer.checkpoint import write_checkpoint
from composer.errors import CheckpointError
from composer.files import errors_named
from composer.row_files.arrow_batches import make_batch, make_schema, require_pyarrow
from composer.row_files.columns import DENSE_FILE, DENSE_KEY, Column
from composer.row_files.image_rows import ImageRows

_ROW_GROUP_BYTES = 32 << 20
_ROW_GROUP_ROWS = 50_000
_DENSE_BYTES = 256 << 20

SUFFIX = ".parquet"
DENSE_FOLDER = "_dense"  # beside the file; readers of folders of Parquet pass over it


class ParquetFile:
    """A Parquet file that is being written; memory holds a few dozen megabytes of it.

    Args:
        path: the file, which has no footer until `finish`.
        columns: its columns, beside those of every file.
        metadata: texts by name, for the file itself and those beside it.
        place: the path that it gets in the end, for messages; its own by default.

    Attributes:
        num_rows: written so far.
        num_errors: images among them that have an error.
        dense_files: files of dense tensors that were written beside the file; rows say that they
            are in `DENSE_FOLDER`, where the caller puts them.

    Raises:
        InputError: pyarrow is not installed.
        OSError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        metadata: Mapping[str, str],
        place: str | os.PathLike[str] | None = None,
    ) -> None:
        require_pyarrow()
        from pyarrow.parquet import ParquetWriter

        self.path, self.columns, self.metadata = path, tuple(columns), dict(metadata)
        self.schema = make_schema(self.columns, self.metadata)
        self.num_rows = self.num_errors = 0
        self.dense_files: list[Path] = []
        self._stem = path.name.removesuffix(SUFFIX)
        self._dense: dict[str, Tensor] = {}
        self._dense_bytes = 0
        self._waiting: list[Any] = []
        self._waiting_bytes = self._waiting_rows = 0
        self._place = Path(path if place is None else place)
        with errors_named(self._place):
            path.open("xb").close()  # through no link
            self._writer = ParquetWriter(path, self.schema, compression="zstd")

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            with suppress(Exception):  # the disk may be full
                self._writer.close()

    def add(self, rows: ImageRows) -> None:
        """Adds the rows of an image.

        Raises:
            InputError: a tensor has another shape than in the rest of the file.
            OSError, CheckpointError: a file cannot be written.
        """
        batch = make_batch(rows, self.columns, self.schema, self._keep_dense(rows))
        self.num_rows += batch.num_rows
        self.num_errors += rows.error is not None
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._waiting_rows += batch.num_rows
        if self._waiting_bytes >= _ROW_GROUP_BYTES or self._waiting_rows >= _ROW_GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        """Writes what is left, and the footer; the file can be read then.

        Raises:
            OSError, CheckpointError: a file cannot be written.
        """
        self._flush()
        self._flush_dense()
        with errors_named(self._place):
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            import pyarrow as pa

            table = pa.Table.from_batches(self._waiting, self.schema)
            with errors_named(self._place):
                self._writer.write_table(table.combine_chunks(), row_group_size=max(len(table), 1))
        self._waiting, self._waiting_bytes, self._waiting_rows = [], 0, 0

    def _keep_dense(self, rows: ImageRows) -> dict[str, list[Any]]:
        """Keeps an image's dense tensors for the next file, under a key a row."""
        names = [column.name for column in self.columns if column.kind == "dense"]
        if not names:
            return {}
        if rows.error is not None:
            return {DENSE_FILE: [None], DENSE_KEY: [None]}
        own = {
            f"{_make_key(rows, row)}.{name}": rows.columns[name][row]
            for row in range(rows.length)
            for name in names
        }
        size = sum(tensor.nbytes for tensor in own.values())
        if self._dense and self._dense_bytes + size > _DENSE_BYTES:
            self._flush_dense()
        self._dense |= {key: tensor.detach().cpu().contiguous() for key, tensor in own.items()}
        self._dense_bytes += size
        keys = [_make_key(rows, row) for row in range(rows.length)]
        name = f"{DENSE_FOLDER}/{self._name_dense()}"
        return {DENSE_FILE: [name] * len(keys), DENSE_KEY: keys}

    def _name_dense(self) -> str:
        return f"{self._stem}.{len(self.dense_files):03d}.safetensors"

    def _flush_dense(self) -> None:
        if self._dense:
            file = self.path.parent / self._name_dense()
            try:
                write_checkpoint(file, self._dense, metadata=self.metadata, follow_links=False)
            except CheckpointError as error:
                place = self._place.parent / DENSE_FOLDER / file.name
                raise CheckpointError(str(error).replace(str(file), str(place))) from error
            self.dense_files.append(file)
        self._dense, self._dense_bytes = {}, 0


def _make_key(rows: ImageRows, row: int) -> str:
    """The key of a row: its image, and where an image has several its number among them."""
    has_rows = not rows.columns.keys().isdisjoint(("region", "detection"))
    return f"{rows.image}-{row}" if has_rows else f"{rows.image}"
