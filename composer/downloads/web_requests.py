"""One request for a file, and the redirects that are followed."""

from __future__ import annotations

import email.utils
import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from composer.discovery import DISTRIBUTION, find_version
from composer.downloads.addresses import check_web_address, without_secrets
from composer.downloads.transfer import AbsentError, Patience, TransferError
from composer.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response, Session
    from requests.exceptions import RequestException

MIRRORS = "COMPOSER_MIRRORS"
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 10
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_ABSENT = {404, 410}
_REASONS = {
    401: "the server asks who you are (401): it takes a user or a token",
    403: "the server does not give it to you (403)",
    404: "the server has no such file (404)",
    407: "the proxy asks who you are (407)",
    410: "the server has no such file any more (410)",
}


class InterruptionError(Exception):
    """A transfer did not get to its end, and may if it is tried again.

    Args:
        reason: for people.
        wait: seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def send_request(
    session: Session,
    address: str,
    headers: Mapping[str, str],
    patience: Patience,
    method: str = "GET",
) -> Response:
    """Asks for a file, and follows redirects to where it is.

    Credentials in an address go to its own host only, and so do those of `.netrc`.

    Raises:
        TransferError: the server does not give it, or redirects to where nothing is fetched from.
        InterruptionError: the server cannot be reached, or is busy.
    """
    url = apply_mirrors(address)
    check_web_address(url)
    for _ in range(_MAX_REDIRECTS + 1):
        response = _send(session, method, url, headers, patience)
        if response.status_code not in _REDIRECTS or "location" not in response.headers:
            _check_status(response, patience)
            return response
        response.close()
        url = _follow(url, response.headers["location"])
    raise TransferError(f"the server redirects more than {_MAX_REDIRECTS} times")


def make_headers(start: int, validator: str) -> dict[str, str]:
    """The headers of a request for a file from a byte on, if it is still the same."""
    headers = {
        "Accept-Encoding": "identity",
        "User-Agent": f"{DISTRIBUTION}/{find_version() or 'unknown'}",
    }
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    return headers


def apply_mirrors(address: str) -> str:
    """The address under which a file is asked for: `COMPOSER_MIRRORS` may name another.

    Raises:
        DownloadError: the environment variable cannot be read.
    """
    for pair in filter(None, os.environ.get(MIRRORS, "").split()):
        original, equals, mirror = pair.partition("=")
        if not equals or "://" not in original or "://" not in mirror:
            raise DownloadError(
                f"the environment variable {MIRRORS} holds pairs https://host/=https://mirror/ "
                f"with blanks between them, not {pair[:80]!r}"
            )
        if address.startswith(original):
            return mirror + address.removeprefix(original)
    return address


def describe_failure(error: BaseException) -> str:
    """Why a request failed: the innermost reason, without addresses."""
    found: BaseException | None = error
    reason = ""
    for _ in range(10):
        if isinstance(found, OSError) and found.strerror:
            reason = found.strerror
        inner = getattr(found, "reason", None)
        inner = inner if isinstance(inner, BaseException) else _first_error(found)
        found = inner or (found.__cause__ or found.__context__ if found else None)
        if found is None:
            break
    return reason or type(error).__name__


def _first_error(error: BaseException | None) -> BaseException | None:
    arguments = getattr(error, "args", ())
    return next((each for each in arguments if isinstance(each, BaseException)), None)


def _send(
    session: Session, method: str, url: str, headers: Mapping[str, str], patience: Patience
) -> Response:
    from requests import Request
    from requests.exceptions import RequestException

    try:
        request = session.prepare_request(Request(method, url, headers=dict(headers)))
        settings = session.merge_environment_settings(url, {}, True, None, None)
        timeout = (patience.connect, patience.read)
        return session.get_adapter(url).send(request, timeout=timeout, **settings)
    except RequestException as error:
        raise _judge(error) from error


def _judge(error: RequestException) -> Exception:
    """What becomes of an error of the library."""
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import ProxyError, SSLError, Timeout
    from urllib3.exceptions import NameResolutionError

    reason = describe_failure(error)
    if isinstance(error, SSLError):
        return TransferError(f"the server's certificate is not accepted: {reason}")
    if isinstance(error, Timeout):
        return InterruptionError("the server does not answer in time")
    if isinstance(getattr(_first_error(error), "reason", None), NameResolutionError):
        return TransferError(f"the host is not found: {reason}")
    if isinstance(error, ProxyError):
        return InterruptionError(f"the proxy cannot be reached: {reason}")
    if isinstance(error, NoConnection):
        return InterruptionError(f"the server cannot be reached: {reason}")
    return TransferError(f"the request cannot be made: {reason}")


def _check_status(response: Response, patience: Patience) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        return
    response.close()
    if status in _BUSY:
        wait = _read_wait(response.headers.get("retry-after", ""))
        if wait > patience.longest_pause:
            raise TransferError(f"the server is busy ({status}) and asks to wait {wait:.0f} s")
        raise InterruptionError(f"the server is busy ({status})", wait)
    reason = _REASONS.get(status, f"the server answers with status {status}")
    raise AbsentError(reason) if status in _ABSENT else TransferError(reason)


def _read_wait(text: str) -> float:
    """The seconds of the header Retry-After: a number, or a date."""
    text = text.strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _follow(url: str, location: str) -> str:
    """The address that a redirect leads to.

    Raises:
        TransferError: it is none that files are fetched from.
    """
    try:
        new = urljoin(url, location)
        old_parts, parts = urlsplit(url), urlsplit(new)
        same_host = (parts.scheme, parts.hostname, parts.port) == (
            old_parts.scheme,
            old_parts.hostname,
            old_parts.port,
        )
    except ValueError as error:
        raise TransferError(f"the server redirects to a damaged address: {error}") from None
    shown = without_secrets(new)
    if parts.scheme not in ("https", "http") or (old_parts.scheme, parts.scheme) == (
        "https",
        "http",
    ):
        raise TransferError(
            f"the server redirects from {old_parts.scheme}: to {shown}, which is refused"
        )
    try:
        check_web_address(new)
    except DownloadError as error:
        raise TransferError(f"the server redirects, but {error}") from None
    if same_host and "@" in old_parts.netloc and "@" not in parts.netloc:
        credentials = old_parts.netloc.rpartition("@")[0]
        new = parts._replace(netloc=f"{credentials}@{parts.netloc}").geturl()
    return new
