"""Reading weights in several files (shards), by the index that lists them.

The index is a JSON document whose `weight_map` has the file of each tensor, as transformers and
other libraries save large models, in files of safetensors or, before, of pickles. Its shards lie
beside it, on disk or at an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from torch import Tensor

from composer.checkpoint.renamed_tensors import shapes_of
from composer.checkpoint.safetensors_file import SafetensorsTensors
from composer.downloads import fetch_optional
from composer.errors import CheckpointError
from composer.json_documents import parse_json_document
from composer.limits import Expansion, ExpansionError
from composer.regular_files import open_regular_file

_MAP = "weight_map"
_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
_LONGEST_INDEX = 100_000_000
_MAX_SHARDS = 10_000
_LONGEST_NAME = 255
_SHOWN = 5

ReadShard = Callable[[Path], Mapping[str, Tensor]]


class ShardedTensors(Mapping[str, Tensor]):
    """The tensors of all shards by key. Those of safetensors are read when they are asked for.

    Args:
        index: the file of the index.
        read_shard: reads the tensors of a file.
        address: where the index was fetched from; None for a file whose shards lie beside it.

    Attributes:
        metadata: of the first shard.

    Raises:
        CheckpointError: the index or a shard is malformed or missing, or they do not fit.
        DownloadError: a shard cannot be fetched.
    """

    def __init__(self, index: Path, read_shard: ReadShard, address: str | None = None) -> None:
        self._files = _read_index(index)
        located = _locate(index, self._files, address)
        self._shards = _read_all(index, located, read_shard)
        _check(index, self._files, self._shards)
        first = next(iter(self._shards.values()))
        self.metadata = first.header.metadata if isinstance(first, SafetensorsTensors) else {}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the tensors; of safetensors, the headers only are read."""
        by_shard = {name: shapes_of(tensors) for name, tensors in self._shards.items()}
        return {key: by_shard[name][key] for key, name in self._files.items()}

    def __getitem__(self, key: str) -> Tensor:
        return self._shards[self._files[key]][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _read_all(
    index: Path, located: Mapping[str, Path], read_shard: ReadShard
) -> dict[str, Mapping[str, Tensor]]:
    """The tensors of each shard; all shards together are one file to the limit on memory."""
    room = Expansion(index, sum(path.stat().st_size for path in located.values()))
    shards = {}
    for name, path in located.items():
        shards[name] = tensors = read_shard(path)
        if not isinstance(tensors, SafetensorsTensors):  # which are read later, and do not grow
            storages = [tensor.untyped_storage() for tensor in tensors.values()]
            sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
            try:
                room.add(sum(sizes.values()))
            except ExpansionError as error:
                raise CheckpointError(str(error)) from error
    return shards


def _read_index(index: Path) -> dict[str, str]:
    """The name of the shard of each tensor."""
    with open_regular_file(index) as file:
        text = file.read(_LONGEST_INDEX + 1)
    if len(text) > _LONGEST_INDEX:
        raise CheckpointError(f"{index}: an index of more than {_LONGEST_INDEX} bytes is not read.")
    try:
        document = parse_json_document(text, is_strict=True)
    except ValueError as error:
        raise CheckpointError(f"{index}: a malformed index of shards: {error!s:.200}.") from error
    files = document.get(_MAP) if isinstance(document, dict) else None
    if not isinstance(files, dict) or not files:
        raise CheckpointError(f"{index}: a JSON document without '{_MAP}', so no index of shards.")
    names = set()
    for key, name in files.items():
        if not _is_name(name):
            raise CheckpointError(
                f"{index}: the tensor '{key:.80}' is said to be in {name!r:.80}, and a shard is a "
                f"file beside the index whose name ends with {' or '.join(_SUFFIXES)}."
            )
        names.add(name)
    if len(names) > _MAX_SHARDS:
        raise CheckpointError(f"{index}: it has {len(names)} shards; {_MAX_SHARDS} is the limit.")
    return files


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and name.endswith(_SUFFIXES)
        and len(name) <= _LONGEST_NAME
        and name.isprintable()
        and not set(name) & set("/\\:#?")
        and not name.startswith(".")
    )


def _locate(index: Path, files: Mapping[str, str], address: str | None) -> dict[str, Path]:
    """The files of the shards.

    Raises:
        CheckpointError: there are not all of them.
    """
    names = sorted(set(files.values()))
    find = _beside(index) if address is None else _at(address)
    found = {name: find(name) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise CheckpointError(
            f"{index}: {len(missing)} of its {len(names)} shards are missing: {_list(missing)}."
        )
    return {name: path for name, path in found.items() if path is not None}


def _beside(index: Path) -> Callable[[str], Path | None]:
    def find(name: str) -> Path | None:
        path = index.with_name(name)
        return path if path.is_file() else None

    return find


def _at(address: str) -> Callable[[str], Path | None]:
    parts = urlsplit(address)._replace(fragment="")

    def find(name: str) -> Path | None:
        path = f"{parts.path.rpartition('/')[0]}/{name}"
        return fetch_optional(urlunsplit(parts._replace(path=path)))

    return find


def _check(
    index: Path, files: Mapping[str, str], shards: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Makes sure that each shard has the tensors that the index says, and no others.

    Raises:
        CheckpointError: as said.
    """
    for name, tensors in shards.items():
        said = {key for key, file in files.items() if file == name}
        lacking, further = said - tensors.keys(), tensors.keys() - said
        if lacking:
            raise CheckpointError(
                f"{index}: the shard '{name}' has not all tensors that the index says: "
                f"{_list(sorted(lacking))}. Is it of another checkpoint?"
            )
        if further:
            raise CheckpointError(
                f"{index}: the shard '{name}' has tensors that the index does not say: "
                f"{_list(sorted(further))}. Is it of another checkpoint?"
            )


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name:.120}'" for name in names[:_SHOWN]) + more
