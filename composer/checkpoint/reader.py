"""Reading checkpoints of any known format."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from composer.catalogues import find_weights_address
from composer.checkpoint.checkpoint import Checkpoint, CheckpointDescription
from composer.checkpoint.checkpoint_keys import KeyMapping, recognise_keys
from composer.checkpoint.foreign_files import explain_foreign
from composer.checkpoint.formats import Container, detect_container, locate_checkpoint
from composer.checkpoint.key_prefixes import shared_prefixes
from composer.checkpoint.layouts import HEURISTICS, Contents, find_contents
from composer.checkpoint.nesting import check_names
from composer.checkpoint.numpy_pickle import read_pickle
from composer.checkpoint.renamed_tensors import RenamedTensors, shapes_of
from composer.checkpoint.safetensors_file import SafetensorsTensors, read_header
from composer.checkpoint.saved_versions import list_namers
from composer.checkpoint.sections import Section
from composer.checkpoint.shards import ShardedTensors
from composer.checkpoint.torch_file import read_legacy_torch, read_torch
from composer.downloads import is_address, without_secrets
from composer.errors import CheckpointError, DownloadError

# What wraps a module and puts its name before every key: DDP, torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")
_DOCUMENT_READERS = {
    "torch": read_torch,
    "legacy torch": read_legacy_torch,
    "pickle": read_pickle,
}


class FileContents(NamedTuple):
    """The content of a checkpoint file.

    Attributes:
        file: the file.
        container: the name of its format.
        contents: state dicts and everything else.
    """

    file: Path
    container: Container
    contents: Contents


def read_contents(path: str | os.PathLike[str]) -> FileContents:
    """Reads a file. Its format is judged by its content, and no code in it can run.

    Args:
        path: a file, or a directory with a `last_checkpoint` that names one.

    Raises:
        CheckpointError: it does not exist, is damaged, or holds what could run code.
    """
    with _naming_unreadable_files(path):
        file = locate_checkpoint(path)
        container = detect_container(file)
        return FileContents(file, container, _read_contents(file, container, path))


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    key_mappings: Sequence[KeyMapping] | None = None,
) -> Checkpoint:
    """Reads a checkpoint without regard to any graph: its first state dict.

    Args:
        path: as for `read_contents`.
        key_mappings: foreign families of names to recognise; by default those that plugins
            publish. The first that recognises the names is used.

    Raises:
        CheckpointError: as for `read_contents`.
    """
    return _make_checkpoint(read_contents(path), key_mappings)


def _make_checkpoint(
    read: FileContents, key_mappings: Sequence[KeyMapping] | None = None
) -> Checkpoint:
    """The checkpoint of the first state dict in a file."""
    file, container, contents = read
    tensors: Mapping[str, Tensor] = _without_wrappers(contents.tensors)
    family, by_suffix = contents.family, contents.matching_heuristics
    namers = list_namers(contents.metadata)
    mapping, notes = _recognise(tensors.keys(), key_mappings, namers)
    if mapping is not None:
        tensors = mapping.rename(dict(tensors))
        family, by_suffix = mapping.name, mapping.matches_by_suffix
    return Checkpoint(
        path=file,
        format=f"{family} {container}".strip(),
        tensors=tensors,
        metadata=contents.metadata,
        training_state=contents.training_state,
        matching_heuristics=by_suffix,
        notes=notes,
        choices=(contents.passed_over,) if contents.passed_over else (),
    )


def describe_checkpoint(path: str | os.PathLike[str]) -> CheckpointDescription:
    """Reads metadata, keys and shapes of a checkpoint; of a safetensors file the header only.

    Keys are those of the file: no prefix is taken off, and no key mapping asked.

    Raises:
        CheckpointError: as for `read_contents`.
    """
    with _naming_unreadable_files(path):
        file = locate_checkpoint(path)
        container = detect_container(file)
        if container == "safetensors":
            header = read_header(file)
            return CheckpointDescription(file, container, header.metadata, {"": header.shapes})
        if container == "sharded":
            shards = ShardedTensors(file, _read_shard, find_weights_address(path))
            return CheckpointDescription(file, container, shards.metadata, {"": shards.shapes})
    read = read_contents(file)
    contents = read.contents
    sections = {section.name: shapes_of(section.tensors) for section in contents.sections}
    return CheckpointDescription(
        file, _name_format(read), contents.metadata, sections, contents.passed_over
    )


def _name_format(read: FileContents) -> str:
    """The family of a file's names, if a mapping recognises them, and its container.

    Nothing is renamed for it. A family of another plugin is named with its distribution.
    """
    contents = read.contents
    keys = _without_wrappers(contents.tensors).keys()
    found = recognise_keys(keys, distributions=list_namers(contents.metadata)).mappings
    family = found[0].family if found else contents.family
    return f"{family} {read.container}".strip()


def _recognise(
    keys: Collection[str],
    key_mappings: Sequence[KeyMapping] | None,
    distributions: Collection[str] | None,
) -> tuple[KeyMapping | None, tuple[str, ...]]:
    if key_mappings is None:
        found = recognise_keys(keys, distributions=distributions)
        return found.mapping, found.notes
    return next((each for each in key_mappings if each.recognises(keys)), None), ()


@contextmanager
def _naming_unreadable_files(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except DownloadError:
        raise
    except CheckpointError as error:
        if not is_address(path):
            raise
        shown = without_secrets(os.fspath(path))
        raise CheckpointError(
            f"{error} It was fetched from {shown}: `composer models rm` removes it from the cache."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{without_secrets(os.fspath(path))}: cannot be read: {error.strerror}."
        ) from error


def _read_contents(file: Path, container: Container, path: str | os.PathLike[str]) -> Contents:
    if container == "sharded":
        shards = ShardedTensors(file, _read_shard, find_weights_address(path))
        return Contents((Section("", shards, {}),), shards.metadata)
    if container == "safetensors":
        tensors = SafetensorsTensors(file)
        metadata = tensors.header.metadata
        by_suffix = metadata.get(HEURISTICS, "").lower() == "true"
        section = Section("", tensors, {})
        return Contents((section,), metadata, matching_heuristics=by_suffix)
    try:
        document = _DOCUMENT_READERS[container](file)
        check_names(document, source=str(file))
        return find_contents(document, source=str(file))
    except CheckpointError as error:
        if explained := explain_foreign(file, str(error)):
            raise CheckpointError(explained) from error
        raise


def _read_shard(file: Path) -> Mapping[str, Tensor]:
    container = detect_container(file)
    if container == "sharded":
        raise CheckpointError(f"{file}: a shard that is an index of shards is not read.")
    return _read_contents(file, container, file).tensors


def _without_wrappers(tensors: Mapping[str, Tensor]) -> RenamedTensors:
    """The tensors without the names of wrappers that all keys begin with."""
    prefix = ""
    for longer in shared_prefixes(tensors.keys()):
        if longer[len(prefix) :] not in _WRAPPERS:
            break
        prefix = longer
    return RenamedTensors.without_prefix(tensors, prefix)
