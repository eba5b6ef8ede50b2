"""Sizes of files, as their servers say them; nothing is fetched."""

from __future__ import annotations

from composer.downloads.addresses import Address
from composer.downloads.hub_transfer import find_hub_size
from composer.downloads.store_transfer import find_store_size
from composer.downloads.transfer import PATIENT, Patience, TransferError
from composer.downloads.web_requests import InterruptionError, make_headers, send_request


def ask_size(address: Address, patience: Patience = PATIENT) -> int | None:
    """The bytes of a file; None if its server does not say.

    Raises:
        TransferError: the server does not answer, or has no such file.
    """
    if address.scheme == "hf":
        return find_hub_size(address)
    if address.scheme not in ("https", "http"):
        return find_store_size(address)
    from requests import Session

    try:
        with Session() as session:
            headers = make_headers(0, "")
            with send_request(session, address.text, headers, patience, "HEAD") as response:
                length = response.headers.get("content-length", "")
    except InterruptionError as error:
        raise TransferError(str(error)) from error
    return int(length) if length.isdecimal() else None
