"""Kept values on disk: a safetensors file each, with the structure of the value as JSON.

A file says which key it belongs to, and has checksums of all of its content. One that is damaged,
truncated, or of another key is as good as none. Nothing is pickled, and no class is made but
structures, and NamedTuples of modules that are imported already.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from composer.checkpoint import SafetensorsTensors, read_header, write_safetensors
from composer.escapes import escape_name
from composer.json_documents import parse_json_document
from composer.limits import Expansion
from composer.storage import UnstorableError, describe_value, restore_value
from composer.value_cache.layouts import Layout, find_layout, lay_out
from composer.value_cache.tensor_digests import find_checksum, view_bytes

_NOWHERE = "meta"  # the device of tensors without numbers
_BODY, _SUM = "composer.kept", "composer.kept.sha256"


class Entry(NamedTuple):
    """A value, described for a file.

    Attributes:
        body: its structure, as JSON.
        tensors: its tensors by key.
    """

    body: str
    tensors: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """About the bytes of its file."""
        return len(self.body) + sum(tensor.nbytes for tensor in self.tensors.values())


def describe_entry(key: str, value: Any, note: Mapping[str, str]) -> Entry | None:
    """Describes a value; None if it would not be the same when it is read again.

    Args:
        key: its key.
        value: the value.
        note: what else the file says, for people.
    """
    try:
        form, tensors = describe_value(value, is_exact=True)
    except UnstorableError:
        return None
    found = {name: find_layout(tensor) for name, tensor in tensors.items()}
    layouts = {name: layout for name, layout in found.items() if layout is not None}
    devices = {name: str(t.device) for name, t in tensors.items() if t.device.type != "cpu"}
    plain = {name: _make_plain(tensor) for name, tensor in tensors.items()}
    body = {
        "key": key,
        "note": dict(note),
        "form": form,
        "layouts": layouts,
        "devices": devices,
        "checksums": {name: _sum(tensor) for name, tensor in plain.items()},
    }
    return Entry(json.dumps(body, allow_nan=False), plain)


def write_entry(path: Path, entry: Entry) -> None:
    """Writes a file. It is not flushed: what a power failure leaves of it counts as damaged.

    Args:
        path: the file, which must not exist.
        entry: what to write.

    Raises:
        OSError, SafetensorError: it cannot be written.
    """
    metadata = {_BODY: entry.body, _SUM: hashlib.sha256(entry.body.encode()).hexdigest()}
    write_safetensors(path, entry.tensors, metadata)


def read_entry(path: Path, key: str) -> tuple[Any] | None:
    """The value of a file, as the only item of a tuple; None if there is none that can be trusted.

    Args:
        path: the file.
        key: the key that it is to have.
    """
    try:
        return (_read(path, key),)
    except Exception:  # a device that this torch lacks raises what nobody has listed
        return None


def read_note(path: Path) -> Mapping[str, str]:
    """What a file says for people, without reading its tensors; nothing if it is damaged."""
    try:
        note = parse_json_document(read_header(path).metadata[_BODY])["note"]
        return {str(key): escape_name(str(text)) for key, text in note.items()}
    except Exception:  # as above
        return {}


def _read(path: Path, key: str) -> Any:
    tensors = SafetensorsTensors(path)
    text = tensors.header.metadata[_BODY]
    if hashlib.sha256(text.encode()).hexdigest() != tensors.header.metadata[_SUM]:
        raise ValueError("the structure is damaged")
    body = parse_json_document(text)
    if body["key"] != key or body["checksums"].keys() != set(tensors):
        raise ValueError("it is the value of another key")
    expansion = Expansion(path, os.path.getsize(path))
    laid_out = _LaidOut(tensors, body)
    return restore_value(body["form"], laid_out, expansion, copies=False, classes=_find_class)


class _LaidOut(Mapping[str, Tensor]):
    """The tensors of a file as they were, each with memory of its own."""

    def __init__(self, tensors: SafetensorsTensors, body: Mapping[str, Any]) -> None:
        self._tensors, self._body = tensors, body

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._tensors[name]
        if _sum(tensor) != self._body["checksums"][name]:
            raise ValueError(f"the tensor '{name}' is damaged")
        layout = self._body["layouts"].get(name)
        made = lay_out(tensor, None if layout is None else Layout(tuple(layout[0]), layout[1]))
        device = self._body["devices"].get(name)
        if device == _NOWHERE:
            raise ValueError(f"the tensor '{name}' has no numbers there")
        return made if device is None else made.to(torch.device(device))

    def __iter__(self) -> Any:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def _make_plain(tensor: Tensor) -> Tensor:
    """A tensor as safetensors takes it: on the CPU, contiguous, and alone in its memory."""
    plain = tensor.detach().cpu().contiguous()
    return plain.clone() if plain.untyped_storage().nbytes() != plain.nbytes else plain


def _sum(tensor: Tensor) -> str:
    shape = f"{tensor.dtype} {tuple(tensor.shape)}"
    return hashlib.sha256(shape.encode() + find_checksum(view_bytes(tensor))).hexdigest()[:32]


def _find_class(name: str, fields: tuple[str, ...]) -> Any:
    """The NamedTuple of a name, `module:class`, in a module that is imported already.

    Raises:
        ValueError: there is none.
    """
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not issubclass(found, tuple):
        raise ValueError(f"there is no NamedTuple {name:.80}")
    if getattr(found, "_fields", None) != fields:
        raise ValueError(f"the NamedTuple {name:.80} has other fields")
    return found
