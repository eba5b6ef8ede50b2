"""Files in stores that fsspec opens by address: `s3://`, `gs://`, `memory://`, and local ones."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from composer.errors import InputError


class StorePath(NamedTuple):
    """A place in a store.

    Args:
        system: the file system of fsspec.
        path: the path in it.
        scheme: of the address, `s3`.
    """

    system: Any
    path: str
    scheme: str


def is_store_address(text: str) -> bool:
    """Whether a text is an address in a store, and no path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.replace("+", "").isalnum()


def open_store(address: str) -> StorePath:
    """The file system of an address.

    Raises:
        InputError: there is no store of that scheme, or its library is not installed.
    """
    import fsspec
    from fsspec.registry import known_implementations

    scheme = address.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        advice = known_implementations.get(scheme, {}).get("err", "install its library")
        raise InputError(f"{scheme}:// takes another package: {advice}") from error
    except Exception as error:  # each store has errors of its own
        raise InputError(f"{address}: {describe_store_error(error)}") from error
    return StorePath(system, path.rstrip("/"), scheme)


def read_from_store(address: str) -> bytes:
    """The content of a file.

    Raises:
        InputError: it cannot be read.
    """
    store = open_store(address)
    try:
        content: bytes = store.system.cat_file(store.path)
    except FileNotFoundError:
        raise InputError(f"{address}: there is no such file") from None
    except Exception as error:
        raise InputError(f"{address}: {describe_store_error(error)}") from error
    return content


def list_in_store(address: str) -> list[str]:
    """The files below an address, as addresses, sorted; a file itself.

    Raises:
        InputError: there is no such file or folder.
    """
    store = open_store(address)
    try:
        found = store.system.find(store.path)
    except Exception as error:
        raise InputError(f"{address}: {describe_store_error(error)}") from error
    if not found:
        raise InputError(f"{address}: there is no such file or folder")
    return sorted(str(store.system.unstrip_protocol(path)) for path in found)


def describe_store_error(error: BaseException) -> str:
    """What a store says, in a few words."""
    reason = ""
    with suppress(Exception):
        reason = " ".join(str(error).split())
    return reason[:200] or type(error).__name__
