"""Writing checkpoints so that a crash leaves either the old file or the new one."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from composer.checkpoint.safetensors_writing import write_safetensors
from composer.errors import CheckpointError
from composer.files import written_whole

WritableFormat = Literal["safetensors", "pth"]

_SUFFIXES: dict[str, WritableFormat] = {".safetensors": "safetensors", ".pth": "pth", ".pt": "pth"}


def format_for(path: str | os.PathLike[str]) -> WritableFormat:
    """The format that the suffix of a file to be written stands for.

    Raises:
        CheckpointError: it stands for none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise CheckpointError(
            f"{os.fspath(path)}: no format has the suffix '{suffix}'. "
            f"Write to one of {', '.join(_SUFFIXES)}."
        )
    return _SUFFIXES[suffix]


def write_checkpoint(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    *,
    metadata: Mapping[str, str],
    format: WritableFormat = "safetensors",  # noqa: A002
    follow_links: bool = True,
) -> None:
    """Writes a checkpoint, and makes its folder.

    The file appears at once and whole; on any failure, what was there before is untouched.
    Tensors that share memory are written one by one. Equal tensors and metadata give equal bytes.

    Args:
        path: the file.
        tensors: key -> tensor, dense, on any device.
        metadata: the metadata of the file. In a `.pth` it is the dict `composer`.
        format: "safetensors", or "pth": `{"model": tensors, "composer": metadata}`.
        follow_links: whether a symbolic link of that name is followed, or replaced.

    Raises:
        CheckpointError: the values cannot be stored, or the file cannot be written.
    """
    target = Path(path)
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise CheckpointError(f"{target}: the metadata '{key}' should be text.")
    plain = _separate(tensors, where=str(target))

    try:
        with written_whole(target, follow_links=follow_links) as file:
            if format == "safetensors":
                write_safetensors(file, plain, metadata)
            else:
                _save_with_torch({"model": plain, "composer": dict(metadata)}, file)
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}.") from error
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{target}: cannot be written: {error}.") from error


class _TorchStream:
    """What torch writes to. It reports another error in place of one that a write raised."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        try:
            return self._stream.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._stream.flush()


def _save_with_torch(value: object, file: Path) -> None:
    with file.open("wb", buffering=0) as raw, io.BufferedWriter(raw, 2**20) as buffered:
        stream = _TorchStream(buffered)
        try:
            torch.save(value, stream)  # type: ignore[arg-type]
        except RuntimeError:
            if stream.error is not None:
                raise stream.error from None
            raise


def _separate(tensors: Mapping[str, Tensor], *, where: str) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, each with memory of its own and no more than it needs."""
    separate: dict[str, Tensor] = {}
    seen: set[int] = set()
    for key, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            raise CheckpointError(f"{where}: '{key}' has no plain data to be written.")
        plain = tensor.detach().cpu().contiguous()
        storage = plain.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != plain.nbytes:
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        separate[key] = plain
    return separate
