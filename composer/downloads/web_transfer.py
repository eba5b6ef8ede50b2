"""Files over https: in as many parts as it takes, each the continuation of the same file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from composer.downloads.addresses import Address
from composer.downloads.partial_file import PartialFile
from composer.downloads.transfer import (
    PATIENT,
    Arrival,
    Patience,
    Progress,
    Sleep,
    TransferError,
    check_room,
)
from composer.downloads.web_requests import (
    InterruptionError,
    describe_failure,
    make_headers,
    send_request,
)
from composer.limits import ExpansionError, check_expansion

if TYPE_CHECKING:
    from requests import Response, Session

_CHUNK = 2**18
_MAX_PARTS = 1000
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--(?:(?!-->).)*-->|<\?xml[^>]*>)*"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


def transfer_web(
    address: Address,
    part: PartialFile,
    progress: Progress,
    patience: Patience = PATIENT,
    sleep: Sleep = time.sleep,
) -> Arrival:
    """Brings a file, or the rest of it.

    A part is continued if the server says by ETag or date that it is of the same file. Attempts
    that bring something do not count.

    Args:
        address: the address.
        part: what is there already, and where the rest goes.
        progress: takes how far it is.
        patience: how long is waited.
        sleep: waits so many seconds.

    Raises:
        TransferError: the server does not give it, or not in time.
        OSError: it cannot be written.
    """
    from requests import Session

    fruitless, pause = 0, patience.pause
    with Session() as session:
        for _ in range(_MAX_PARTS):
            before = part.size
            try:
                return _receive(session, address, part, progress, patience)
            except InterruptionError as trouble:
                came = part.validator != "" and part.size > before
                fruitless = 0 if came else fruitless + 1
                pause = patience.pause if came else pause
                if fruitless > patience.retries:
                    raise TransferError(f"{trouble}; tried {fruitless} times") from trouble
                sleep(max(pause, trouble.wait))
                pause *= 2
    raise TransferError(f"the server breaks off; tried {_MAX_PARTS} times")


def _receive(
    session: Session,
    address: Address,
    part: PartialFile,
    progress: Progress,
    patience: Patience,
) -> Arrival:
    """One request, and what comes of it."""
    start = part.size if part.validator else 0
    headers = make_headers(start, part.validator)
    with send_request(session, address.text, headers, patience) as response:
        if response.status_code == 416 or not _continues(response, part, start):
            if response.status_code != 200:
                part.discard()
                raise InterruptionError(_describe_part(response.status_code, start))
            start = 0
            part.begin(_find_validator(response))
        total = _find_total(response, start)
        if total is not None:
            check_room(part.path.parent, total - start)
        progress.begin(start, total)
        _store(response, address, part, progress, is_first=start == 0)
    if total is not None and part.size != total:
        raise InterruptionError(f"the server announced {total} bytes and sent {part.size}")
    if part.size == 0:
        part.discard()
        raise TransferError("the server sent nothing")
    return Arrival(response.headers.get("etag", ""))


def _describe_part(status: int, start: int) -> str:
    if start:
        return "the server's file has changed meanwhile"
    return f"the server answers with status {status}, though no part was asked for"


def _continues(response: Response, part: PartialFile, start: int) -> bool:
    """Whether an answer is the rest of what is there."""
    if not start or response.status_code != 206:
        return False
    found = _RANGE.match(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != start or _is_encoded(response):
        return False
    if found[2] != "*" and _find_total(response, start) not in (None, int(found[2])):
        return False
    return _find_validator(response) in ("", part.validator)


def _find_validator(response: Response) -> str:
    """What the rest of the file must have in common; empty if it cannot be continued.

    A weak ETag says that a file means the same, not that it has the same bytes.
    """
    if _is_encoded(response):
        return ""
    etag = response.headers.get("etag", "")
    if etag.startswith('"'):
        return etag
    return "" if etag else response.headers.get("last-modified", "")


def _find_total(response: Response, start: int) -> int | None:
    """The size of the whole file; None if the server does not say it."""
    length = response.headers.get("content-length", "")
    if _is_encoded(response) or not length.isdecimal():
        return None
    return start + int(length)


def _is_encoded(response: Response) -> bool:
    return response.headers.get("content-encoding", "identity").lower() not in ("", "identity")


def _store(
    response: Response, address: Address, part: PartialFile, progress: Progress, *, is_first: bool
) -> None:
    """Writes what comes; what the server compressed is unpacked, within limits."""
    from urllib3.exceptions import HTTPError, ProtocolError

    try:
        chunks = _read(response)
        first = next(chunks, b"")
        if is_first:
            _refuse_page(response, first, part)
        with part.open() as file:
            for chunk in chain((first,), chunks):
                if _is_encoded(response):
                    size, needed = response.raw.tell(), file.tell() + len(chunk)
                    check_expansion(address.shown, size=size, needed=needed)
                file.write(chunk)
                progress.add(len(chunk))
    except ProtocolError as error:
        raise InterruptionError(_describe_break(response, part)) from error
    except HTTPError as error:
        raise InterruptionError(f"the server breaks off: {describe_failure(error)}") from error
    except ExpansionError as error:
        raise TransferError(str(error)) from error


def _read(response: Response) -> Iterator[bytes]:
    """The content, in pieces as they come: a break loses nothing that came before."""
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        yield chunk


def _describe_break(response: Response, part: PartialFile) -> str:
    length = response.headers.get("content-length", "")
    if not length.isdecimal():
        return f"the server breaks off after {part.size} bytes"
    return f"the server announced {length} bytes and broke off after {response.raw.tell()}"


def _refuse_page(response: Response, start: bytes, part: PartialFile) -> None:
    """Refuses a web page, which servers send in place of a file: to log in, or as an error.

    Raises:
        TransferError: as said, with its title.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("text/html", "application/xhtml+xml") and not _PAGE.match(start):
        return
    part.discard()
    title = _TITLE.search(start)
    text = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
    named = f", '{text}'," if text.isprintable() and text else ""
    raise TransferError(f"the server sent a web page{named} in place of the file")
