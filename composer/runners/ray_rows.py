"""What Ray Data's workers do: they read images, and make rows of them.

Ray itself is not imported here: workers get these objects pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from composer.errors import InputError
from composer.images import ImageFileError
from composer.regular_files import open_regular_file
from composer.row_files import Column, ImageRows, arrange_batch
from composer.sharded_jobs import RowSource
from composer.stores import is_store_address, read_from_store

ID = "id"
_COLUMNS = ("id", "image", "file_name")


class SourceFactory(Protocol):
    """Opens what makes rows, in the process that makes them; it can be pickled."""

    def open_source(self) -> RowSource:
        """What makes the rows of images."""
        ...


def name_image(number: int, name: str) -> str:
    """The id of an image of a job: its address and its place in the list."""
    return f"{name}#{number}"


def read_contents(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of images by their names; of one that cannot be read, the reason.

    Args:
        batch: `id`, `image` (numbers), `file_name` and `path`, which is absolute.
    """
    contents = np.empty(len(batch["file_name"]), dtype=object)
    errors = np.empty(len(contents), dtype=object)
    for place, path in enumerate(batch["path"]):
        try:
            contents[place], errors[place] = _read(str(path)), ""
        except (InputError, OSError) as error:
            contents[place] = b""
            errors[place] = _describe(str(batch["file_name"][place]), error)
    return {**{key: batch[key] for key in _COLUMNS}, "bytes": contents, "problem": errors}


class RowMaker:
    """Makes the rows of images, as a table of Arrow with the schema of the job's files.

    Args:
        factory: opens what makes rows.
        columns: of all rows, as the process that started the job found them.
        schema: of the files, with `id` first.
    """

    def __init__(self, factory: SourceFactory, columns: tuple[Column, ...], schema: Any) -> None:
        self._factory, self._columns, self._schema = factory, columns, schema

    @cached_property
    def _source(self) -> RowSource:
        return self._factory.open_source()

    def __call__(self, batch: Mapping[str, Any]) -> Any:
        """The rows of a batch of `read_contents`."""
        import pyarrow as pa

        made = []
        for place in range(len(batch[ID])):
            name, number = str(batch["file_name"][place]), int(batch["image"][place])
            problem = str(batch["problem"][place])
            if problem:
                rows = ImageRows(number, name, error=problem)
            else:
                rows = self._source.collect(bytes(batch["bytes"][place]), number, name)
            made.append(
                arrange_batch(rows, self._columns, self._schema, {ID: str(batch[ID][place])})
            )
        return pa.Table.from_batches(made, self._schema)


def _describe(name: str, error: InputError | OSError) -> str:
    """What is said of an image that is opened by its name."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return str(ImageFileError(name, "missing_file", "there is no such file"))
    reason = f"it cannot be opened: {error.strerror or error}"
    return str(ImageFileError(name, "unreadable_image", reason))


def _read(name: str) -> bytes:
    if is_store_address(name):
        return read_from_store(name)
    with open_regular_file(name) as file:
        return file.read()
