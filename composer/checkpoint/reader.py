"""Reading checkpoints of any known format."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from composer.checkpoint.checkpoint import Checkpoint, CheckpointDescription
from composer.checkpoint.checkpoint_keys import KeyMapping, Recognition, recognise_keys
from composer.checkpoint.formats import Container, detect_container, locate_checkpoint
from composer.checkpoint.layouts import HEURISTICS, Contents, find_contents
from composer.checkpoint.numpy_pickle import read_pickle
from composer.checkpoint.safetensors_file import SafetensorsTensors, read_header
from composer.checkpoint.torch_file import read_legacy_torch, read_torch
from composer.checkpoint.unpickler import check_names
from composer.errors import CheckpointError

# What wraps a module and puts its name before every key: DDP, torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")
_DOCUMENT_READERS = {
    "torch": read_torch,
    "legacy torch": read_legacy_torch,
    "pickle": read_pickle,
}


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    prefixes: Collection[str] | None = None,
    key_mappings: Sequence[KeyMapping] | None = None,
    fits: Callable[[Collection[str]], bool] | None = None,
) -> Checkpoint:
    """Reads a checkpoint. Its format is judged by its content, and no code in it can run.

    Args:
        path: a file, or a directory with a `last_checkpoint` that names one.
        prefixes: read only the tensors whose keys begin with one of these. A file whose keys are
            matched by suffix is read as a whole, since its keys begin with nothing.
        key_mappings: foreign families of names to recognise; by default those that plugins
            publish.
        fits: whether the file's keys fit as they are; then they stay, and no
            mapping is asked.

    Raises:
        CheckpointError: it does not exist, is damaged, or holds what could run code.
    """
    with _naming_unreadable_files(path):
        file = locate_checkpoint(path)
        container = detect_container(file)
        contents = _read_contents(file, container)
    tensors = _without_wrappers(contents.tensors)
    family, by_suffix = contents.family, contents.matching_heuristics
    recognition = Recognition(None)
    if fits is None or not fits(tensors.keys()):
        recognition = _recognise(tensors.keys(), key_mappings)
    mapping = recognition.mapping
    if mapping is not None:
        renamed: Mapping[str, Tensor] = mapping.rename(_read_all(contents.tensors, tensors))
        family, by_suffix = mapping.name, mapping.matches_by_suffix
    else:
        wanted = None if by_suffix else prefixes
        renamed = _read_all(contents.tensors, _beginning_with(wanted, tensors))
    return Checkpoint(
        path=file,
        format=f"{family} {container}".strip(),
        tensors=renamed,
        metadata=contents.metadata,
        training_state=contents.training_state,
        matching_heuristics=by_suffix,
        notes=recognition.notes,
    )


def describe_checkpoint(path: str | os.PathLike[str]) -> CheckpointDescription:
    """Reads metadata and shapes of a checkpoint; of a safetensors file the header only.

    Raises:
        CheckpointError: as for `read_checkpoint`.
    """
    with _naming_unreadable_files(path):
        file = locate_checkpoint(path)
        container = detect_container(file)
        if container == "safetensors":
            header = read_header(file)
            return CheckpointDescription(file, container, header.metadata, header.shapes)
    checkpoint = read_checkpoint(file)
    shapes = {key: tuple(tensor.shape) for key, tensor in checkpoint.tensors.items()}
    return CheckpointDescription(file, checkpoint.format, checkpoint.metadata, shapes)


def _recognise(keys: Collection[str], key_mappings: Sequence[KeyMapping] | None) -> Recognition:
    if key_mappings is None:
        return recognise_keys(keys)
    return Recognition(next((each for each in key_mappings if each.recognises(keys)), None))


@contextmanager
def _naming_unreadable_files(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{os.fspath(path)}: cannot be read: {error.strerror}.") from error


def _read_contents(file: Path, container: Container) -> Contents:
    if container == "safetensors":
        tensors = SafetensorsTensors(file)
        metadata = tensors.header.metadata
        by_suffix = metadata.get(HEURISTICS, "").lower() == "true"
        return Contents(tensors, metadata, matching_heuristics=by_suffix)
    document = _DOCUMENT_READERS[container](file)
    check_names(document, source=str(file))
    return find_contents(document, source=str(file))


def _without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Key without the names of wrappers -> key in the file."""
    keys = {key: key for key in tensors}
    while keys and (
        wrapper := next((w for w in _WRAPPERS if all(key.startswith(w) for key in keys)), None)
    ):
        keys = {key.removeprefix(wrapper): original for key, original in keys.items()}
    return keys


def _beginning_with(prefixes: Collection[str] | None, keys: Mapping[str, str]) -> Mapping[str, str]:
    if prefixes is None:
        return keys
    beginnings = tuple(prefixes)
    return {key: original for key, original in keys.items() if key.startswith(beginnings)}


def _read_all(tensors: Mapping[str, Tensor], keys: Mapping[str, str]) -> dict[str, Tensor]:
    return {key: tensors[original] for key, original in keys.items()}
