"""Writes data files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from composer.errors import DataError
from composer.files import write_text


def write_data_file(
    file: Path, datasets: Mapping[str, Mapping[str, Any]], doc: str | None = None
) -> None:
    """Writes a data file, which must not exist.

    Args:
        file: the file.
        datasets: `uses`, `with` and the other values of each dataset, by name.
        doc: what the datasets are.

    Raises:
        DataError: there is such a file.
        OSError: it cannot be written.
    """
    if file.exists():
        raise DataError(f"{file} exists; nothing is written over it")
    document: dict[str, Any] = {"composer_data": 1}
    if doc is not None:
        document["doc"] = doc
    document["datasets"] = {name: dict(values) for name, values in datasets.items()}
    write_text(file, dump_yaml(document))


def dump_yaml(document: Mapping[str, Any]) -> str:
    """A document as YAML, in the order of its keys, with short lists on a line."""
    text: str = yaml.dump(
        dict(document),
        Dumper=_PlainDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    return text


class _PlainDumper(yaml.SafeDumper):
    """Writes values that occur several times each time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of the library
        """Whether a value is written out: always."""
        return True
