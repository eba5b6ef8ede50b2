"""Addresses of files: their schemes, their hashes, and how they are printed.

What stands before the host (`user:password@`) and behind the `?` of an address may be secret, so
neither is ever printed or stored. `#sha256=...` at the end of an address pins its content.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from composer.errors import DownloadError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter is a drive of Windows
_COLLAPSED = re.compile(r"(?:https?|hf|s3|gs|detectron2|torchvision):/[^/]")
_PINNED = re.compile(r"sha256=([0-9A-Fa-f]{8,64})")
_CHAINED = re.compile(r"::[A-Za-z][A-Za-z0-9+.-]*:")
_UNSAFE = re.compile(r"[^\w.+=@-]+")
# torch.hub: the first eight or more digits of the hash stand before the suffix.
_DOCUMENTED_HOST = "download.pytorch.org"
_DOCUMENTED = re.compile(r"-([0-9a-f]{8,64})\.\w+")
_LONGEST = 4096
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Address:
    """An address of a file.

    Attributes:
        text: the address without its fragment; it may hold secrets.
        scheme: in lower case.
        sha256: the beginning of the hash that the file must have, or an empty text.
        is_documented: whether the hash is that of its publisher's documentation.
    """

    text: str
    scheme: str
    sha256: str = ""
    is_documented: bool = False

    @property
    def shown(self) -> str:
        """The address without what may be secret, for messages and records."""
        return without_secrets(self.text)

    @property
    def file_name(self) -> str:
        """The name of the file, as a file system takes it."""
        name = _UNSAFE.sub("_", unquote(urlsplit(self.text).path).rpartition("/")[2]).lstrip(".")
        stem, suffix = os.path.splitext(name)
        return f"{stem[: _LONGEST_NAME - len(suffix)]}{suffix}"[:_LONGEST_NAME] or "download"

    @property
    def folder_name(self) -> str:
        """A name that only this address has: the host, and digits of a hash."""
        parts = urlsplit(self.text)
        host = parts.netloc.rpartition("@")[2]
        bare = urlunsplit(parts._replace(netloc=host))
        digits = hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{_UNSAFE.sub('_', host).strip('.')[:60] or self.scheme}-{digits}"


def is_address(text: object) -> bool:
    """Whether a text is the address of a file, such as `https://...` or `hf://...`."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def is_collapsed_address(path: str) -> bool:
    """Whether a path was an address, until it was made a path: `https:/host/file`."""
    return _COLLAPSED.match(path.replace(os.sep, "/")) is not None


def without_secrets(text: str) -> str:
    """An address without user, password, query and fragment; any other text as it is."""
    if not is_address(text):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return "the address"
    host = parts.netloc.rpartition("@")[2]
    query = "..." if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def parse_address(text: str) -> Address:
    """Reads an address.

    Raises:
        DownloadError: it is damaged, or names no file.
    """
    if not _ADDRESS.match(text) or len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise DownloadError(
            "an address has the form scheme://host/path, without blanks and of at most "
            f"{_LONGEST} characters"
        )
    if not text.partition("://")[2].strip("/"):
        raise DownloadError(f"{text} names no file: scheme://host/path/of/file")
    if _CHAINED.search(text):
        raise DownloadError(
            f"{text.partition('::')[0]}: addresses within addresses are not followed"
        )
    parts = _split(text)
    if parts.fragment and not _PINNED.fullmatch(parts.fragment):
        raise DownloadError(
            f"{without_secrets(text)}: behind '#' stands 'sha256=' and 8 to 64 digits of the "
            "file's hash, or nothing"
        )
    pinned = _PINNED.fullmatch(parts.fragment)
    scheme = parts.scheme.lower()
    bare = urlunsplit(parts._replace(fragment="", scheme=scheme))
    if pinned is not None:
        return Address(bare, scheme, pinned[1].lower())
    documented = _find_documented(parts)
    return Address(bare, scheme, documented, bool(documented))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_web_address(text: str) -> None:
    """Refuses addresses that cannot be trusted to bring what was asked for.

    Raises:
        DownloadError: the scheme is `http`, and the host is not this machine.
    """
    parts = _split(text)
    if not parts.hostname or not parts.path.strip("/") or parts.path.endswith("/"):
        raise DownloadError(f"{without_secrets(text)} names no file: scheme://host/path/of/file")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise DownloadError(
            f"{without_secrets(text)} is refused: whoever is on the way could change what http "
            "brings; https:// is fetched, and http:// from this machine only"
        )


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise DownloadError(f"an address is damaged: {error}") from None
    return parts


def _find_documented(parts: SplitResult) -> str:
    if parts.hostname != _DOCUMENTED_HOST:
        return ""
    found = _DOCUMENTED.search(parts.path.rpartition("/")[2])
    return found[1] if found else ""
