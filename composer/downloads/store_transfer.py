"""Files in stores that fsspec has: `s3://`, `gs://`, `memory://` and others."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, BinaryIO

from composer.downloads.addresses import Address
from composer.downloads.partial_file import PartialFile
from composer.downloads.transfer import Arrival, Progress, TransferError, check_room
from composer.downloads.web_requests import describe_failure

_CHUNK = 2**20
# What is on this machine anyway, what runs others or unpacks, and what we fetch ourselves.
_NO_STORES = {
    "async_wrapper",
    "asynclocal",
    "asyncwrapper",
    "blockcache",
    "cached",
    "dask",
    "data",
    "dir",
    "file",
    "filecache",
    "ftp",
    "generic",
    "git",
    "hf",
    "http",
    "https",
    "jlab",
    "jupyter",
    "libarchive",
    "local",
    "pyscript",
    "reference",
    "simplecache",
    "tar",
    "zip",
}

# Those whose addresses begin with the name of a bucket or container.
_OF_BUCKETS = {"abfs", "abfss", "adl", "az", "gcs", "gs", "oci", "oss", "s3", "s3a", "tos", "tosfs"}


def list_stores() -> list[str]:
    """The schemes of stores that fsspec has."""
    import fsspec

    known = {*fsspec.available_protocols(), *fsspec.registry}
    return sorted({str(name) for name in known} - _NO_STORES)


def names_file(address: Address) -> bool:
    """Whether an address goes on to a file, and does not end at a folder or a bucket."""
    within = address.text.partition("://")[2]
    if address.scheme in _OF_BUCKETS:
        within = within.partition("/")[2]
    return within != "" and not within.endswith("/")


def transfer_store(address: Address, part: PartialFile, progress: Progress) -> Arrival:
    """Brings a file from a store, or the rest of it.

    Raises:
        TransferError: the store does not give it, or its library is not installed.
        OSError: it cannot be written.
    """
    import fsspec
    from fsspec.registry import known_implementations

    try:
        system, path = fsspec.core.url_to_fs(address.text)
        size = system.info(path).get("size")
        mark = find_mark(system, path)
        source: BinaryIO = system.open(path, "rb")
    except ImportError as error:
        advice = known_implementations.get(address.scheme, {}).get(
            "err", "install the library of its store"
        )
        raise TransferError(f"{address.scheme}:// takes another package: {advice}") from error
    except Exception as error:  # each store has errors of its own
        raise TransferError(_describe(error)) from error
    start = part.size if mark and part.validator == mark else 0
    if not start:
        part.begin(mark)
    total = size if isinstance(size, int) else None
    check_room(part.path.parent, (total or start) - start)
    progress.begin(start, total)
    with source:
        _copy(source, part, progress, start)
    if part.size == 0 or (total is not None and part.size != total):
        sizes = f"it has {total} bytes, and {part.size} came"
        part.discard()
        raise TransferError(f"the store did not send the whole file: {sizes}")
    return Arrival(mark)


def find_mark(system: Any, path: str) -> str:
    """What changes when a file of a store does; empty if that cannot be known."""
    with suppress(Exception):  # stores need not have it
        return str(system.checksum(path))
    return ""


def find_store_size(address: Address) -> int | None:
    """The bytes of a file in a store.

    Raises:
        TransferError: the store does not answer, or its library is not installed.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address.text)
        size = system.info(path).get("size")
    except Exception as error:
        raise TransferError(_describe(error)) from error
    return size if isinstance(size, int) else None


def is_stale(address: Address, mark: str) -> bool:
    """Whether a file has changed in a store that costs nothing to ask: one in memory.

    Args:
        address: its address.
        mark: that of the file that was fetched.
    """
    if address.scheme != "memory":
        return False
    import fsspec

    system, path = fsspec.core.url_to_fs(address.text)
    return bool(system.exists(path) and find_mark(system, path) != mark)


def _copy(source: BinaryIO, part: PartialFile, progress: Progress, start: int) -> None:
    with part.open() as file:
        try:
            source.seek(start)
            chunk = source.read(_CHUNK)
        except Exception as error:
            raise TransferError(_describe(error)) from error
        while chunk:
            file.write(chunk)
            progress.add(len(chunk))
            try:
                chunk = source.read(_CHUNK)
            except Exception as error:
                raise TransferError(_describe(error)) from error


def _describe(error: Exception) -> str:
    """Why a store does not give a file; what its library says may hold secrets."""
    if isinstance(error, FileNotFoundError):
        return "the store has no such file"
    if isinstance(error, PermissionError):
        return "the store does not give it to you"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return f"the store cannot be read: {describe_failure(error)}"
