"""Writing safetensors files whose bytes follow from what they hold alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

_LENGTH_BYTES = 8
_BEGINNING = '{"__metadata__":'


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Writes a file: the same bytes whenever tensors and metadata are equal.

    Args:
        path: the file; one that is there is replaced.
        tensors: by key; contiguous, on the CPU, each with memory of its own.
        metadata: the metadata of the file.

    Raises:
        OSError, SafetensorError: it cannot be written.
    """
    save_file(dict(tensors), path, metadata=dict(metadata))
    if len(metadata) > 1 and path.is_file():
        _sort_metadata(path)


def _sort_metadata(path: Path) -> None:
    """Puts the metadata in the order of their keys.

    The library sorts tensors, but keeps metadata in a hash map, whose order is another one in each
    call. The header keeps its length, so that nothing else moves.
    """
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header = file.read(length).decode()
        if not header.startswith(_BEGINNING):
            return
        metadata, end = json.JSONDecoder().raw_decode(header, len(_BEGINNING))
        ordered = json.dumps(
            metadata, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        if len(ordered) == end - len(_BEGINNING):  # the same escapes
            file.seek(_LENGTH_BYTES + len(_BEGINNING.encode()))
            file.write(ordered.encode())
