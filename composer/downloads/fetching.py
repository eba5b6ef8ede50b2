"""Files by address: from the cache, or fetched into it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from composer.downloads.addresses import (
    Address,
    check_web_address,
    parse_address,
    without_secrets,
)
from composer.downloads.download_cache import CachedFile, CachePlace, Record, hash_file
from composer.downloads.download_progress import DownloadProgress
from composer.downloads.hub_address import parse_hub_address
from composer.downloads.hub_transfer import find_in_hub_cache, transfer_hub
from composer.downloads.offline import find_reason
from composer.downloads.partial_file import PartialFile
from composer.downloads.published_schemes import follow_published, is_ours, list_published_schemes
from composer.downloads.remote_size import ask_size
from composer.downloads.store_transfer import is_stale, list_stores, names_file, transfer_store
from composer.downloads.transfer import PATIENT, AbsentError, Arrival, Patience, TransferError
from composer.downloads.web_requests import apply_mirrors
from composer.downloads.web_transfer import transfer_web
from composer.errors import DownloadError
from composer.limits import format_bytes
from composer.names import did_you_mean

_LOGGER = logging.getLogger(__name__)
_WEB, _HUB = ("https", "http"), "hf"
_HERE = ("file", "local")
_MAX_STEPS = 5


def fetch(
    address: str,
    *,
    sha256: str = "",
    offline: bool | None = None,
    again: bool = False,
    patience: Patience = PATIENT,
) -> Path:
    """The file of an address: the one in the cache, else the one that is fetched now.

    Several processes that ask for one file wait for the first. What broke off is continued, also
    by a later process. The hash of a file is checked where it is documented or pinned; else it is
    noted, and a later fetch that brings another content says so.

    Args:
        address: `https://...`, `hf://owner/repo/file`, an address of a store that fsspec has, or
            one of a scheme that a plugin publishes. `#sha256=...` at its end pins the content.
        sha256: the hash of the file, or the first 8 digits of it or more.
        offline: whether nothing may be fetched; by default what `COMPOSER_OFFLINE` says.
        again: fetch it although it is in the cache.
        patience: how long is waited for a server.

    Raises:
        DownloadError: it cannot be fetched, or is not what it should be; the message says where to
            put it by hand.
        OSError: the cache cannot be written.
    """
    source = resolve_address(address)
    if sha256:
        source = replace(source, sha256=sha256.lower(), is_documented=False)
    place = CachePlace(source)
    if not again and (file := _find_at_hand(source, place)) is not None:
        return file
    if reason := find_reason(offline):
        raise DownloadError(_advise(source, place, reason))
    with place.locked() as has_waited:
        if (has_waited or not again) and (file := _find_at_hand(source, place)) is not None:
            return file
        return _bring(source, place, patience)


def fetch_optional(address: str) -> Path | None:
    """The file of an address as `fetch` gives it; None if its server says that there is none.

    Raises:
        DownloadError, OSError: as for `fetch`.
    """
    try:
        return fetch(address)
    except DownloadError as error:
        if isinstance(error.__cause__, AbsentError):
            return None
        raise


def find_cached(address: str) -> CachedFile | None:
    """The file of an address, if it is in the cache.

    Raises:
        DownloadError: the address is damaged, or the file is not what it should be.
    """
    source = resolve_address(address)
    return _find(source, CachePlace(source))


def find_file(address: str) -> Path | None:
    """The file of an address, if nothing need be fetched for it.

    Raises:
        DownloadError: the address is damaged, or the file is not what it should be.
    """
    source = resolve_address(address)
    return _find_at_hand(source, CachePlace(source))


def find_size(address: str) -> int | None:
    """The bytes of a file: in the cache, else as its server says; None if it does not.

    Raises:
        DownloadError: the address is damaged, the server does not answer, or nothing may be asked.
    """
    source = resolve_address(address)
    if (found := CachePlace(source).find()) is not None:
        return found.record.size
    if reason := find_reason():
        raise DownloadError(f"{source.shown}: the size is not asked for ({reason})")
    try:
        return ask_size(source)
    except TransferError as error:
        raise DownloadError(f"{source.shown}: {error}") from error


def locate_cached(address: str) -> Path:
    """Where the file of an address is in the cache, or would be.

    Raises:
        DownloadError: the address is damaged.
    """
    return CachePlace(resolve_address(address)).path


def resolve_address(text: str) -> Address:
    """Reads an address; one of a published scheme becomes the one that it stands for.

    Raises:
        DownloadError: it is damaged, is not fetched from, or names no file.
    """
    for _ in range(_MAX_STEPS):
        address = parse_address(text)
        if address.scheme in _WEB:
            check_web_address(address.text)
            return address
        if address.scheme == _HUB:
            if not parse_hub_address(address.text).file:
                model = address.shown.rstrip("/")
                raise DownloadError(f"{model} is a model; a file of it is {model}/FILE")
            return address
        if address.scheme in _HERE:
            raise DownloadError(f"{address.shown} is on this machine: name the file itself")
        if not is_ours(address.scheme) and address.scheme in list_stores():
            return _check_store(address)
        followed = follow_published(address.text, address.scheme)
        if followed is None:
            raise DownloadError(_describe_unknown(address))
        text = followed if "#" in followed or not address.sha256 else f"{followed}#{_pin(address)}"
    raise DownloadError(f"{address.shown} leads in circles")


def _pin(address: Address) -> str:
    return f"sha256={address.sha256}"


def _check_store(address: Address) -> Address:
    if not names_file(address):
        raise DownloadError(f"{address.shown} names no file: scheme://bucket/path/of/file")
    return address


def _describe_unknown(address: Address) -> str:
    known = [*_WEB[:1], _HUB, *list_published_schemes(), *list_stores()]
    hint = did_you_mean(address.scheme, known, "schemes of addresses")
    return f"{address.shown}: nothing is fetched from '{address.scheme}'. {hint}"


def _find(source: Address, place: CachePlace) -> CachedFile | None:
    found = place.find()
    if found is not None and not found.record.sha256.startswith(source.sha256):
        raise DownloadError(
            f"{found.path}: its sha256 is {found.record.sha256}, and should "
            f"{_begin_with(source.sha256)}, as {_name_authority(source)}; nothing was removed"
        )
    return found


def _find_at_hand(source: Address, place: CachePlace) -> Path | None:
    """The file in our cache, else in that of the hub's library."""
    found = _find(source, place)
    if found is not None:
        return None if is_stale(source, found.record.etag) else found.path
    elsewhere = find_in_hub_cache(source) if source.scheme == _HUB else None
    if elsewhere is None or (source.sha256 and _differs(source, elsewhere)):
        return None
    return elsewhere


def _differs(source: Address, file: Path) -> bool:
    return not hash_file(file).startswith(source.sha256)


def _bring(source: Address, place: CachePlace, patience: Patience) -> Path:
    """Fetches a file into its place."""
    place.folder.mkdir(parents=True, exist_ok=True)
    part = PartialFile(place.path)
    progress = DownloadProgress(source.shown)
    try:
        if source.scheme in _WEB:
            arrival = transfer_web(source, part, progress, patience)
        elif source.scheme == _HUB:
            arrival = transfer_hub(source, part, progress)
        else:
            arrival = transfer_store(source, part, progress)
    except TransferError as error:
        raise DownloadError(_advise(source, place, f"{error}{_name_mirror(source)}")) from error
    except OSError as error:
        if error.filename is None:  # of a write
            error.filename = str(place.path)
        raise
    finally:
        progress.close()
    return _settle(source, place, part, arrival)


def _settle(source: Address, place: CachePlace, part: PartialFile, arrival: Arrival) -> Path:
    """Checks what came, gives it its name, and notes what it is."""
    sha256, size = hash_file(part.path), part.size
    expected = source.sha256 or arrival.sha256
    if not sha256.startswith(expected):
        part.discard()
        raise DownloadError(
            f"{source.shown}: the sha256 of what came is {sha256}, and should "
            f"{_begin_with(expected)}, as {_name_authority(source)}; it was not kept, and nothing "
            "else was changed"
        )
    before = place.read_record()
    part.finish()
    place.write_record(sha256, size, arrival.etag)
    checked = f"as {_name_authority(source)}" if expected else "noted, as no hash is documented"
    _LOGGER.warning(
        "note: fetched %s to %s, sha256 %s (%s)", format_bytes(size), place.path, sha256, checked
    )
    _tell_change(source, before, sha256)
    return place.path


def _tell_change(source: Address, before: Record | None, sha256: str) -> None:
    if before is not None and before.sha256 != sha256:
        _LOGGER.warning(
            "note: %s is another file than on %s, whose sha256 was %s",
            source.shown,
            before.date.partition("T")[0],
            before.sha256,
        )


def _begin_with(sha256: str) -> str:
    return f"be {sha256}" if len(sha256) == 64 else f"begin with {sha256}"


def _name_authority(source: Address) -> str:
    if source.is_documented:
        return "its name says"
    return "was asked for" if source.sha256 else "the hub says"


def _name_mirror(source: Address) -> str:
    """Where a file was really asked for, if that is not its address."""
    asked = apply_mirrors(source.text)
    return "" if asked == source.text else f", asked for at the mirror {without_secrets(asked)}"


def _advise(source: Address, place: CachePlace, reason: str) -> str:
    """One sentence on a file that does not come: why, and how to put it there by hand."""
    with suppress(OSError):
        place.folder.mkdir(parents=True, exist_ok=True)
    return (
        f"{source.shown} was not fetched ({reason}): bring it by other means, and put it into "
        f"{place.folder} under the name '{place.path.name}'"
    )
