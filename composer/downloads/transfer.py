"""What every kind of transfer takes and gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from composer.errors import DownloadError
from composer.limits import format_bytes


class Progress(Protocol):
    """Takes how far a transfer is."""

    def begin(self, done: int, total: int | None) -> None:
        """Begins, or begins again, with so many bytes done, of so many if that is known."""

    def add(self, count: int) -> None:
        """Counts bytes that have come."""


@dataclass(frozen=True)
class Patience:
    """How long is waited for a server.

    Attributes:
        retries: attempts in a row that bring nothing, after the first.
        pause: seconds before the second attempt; each later pause is twice as long.
        connect: seconds for a connection.
        read: seconds without a byte.
        longest_pause: seconds that a server may ask to wait.
    """

    retries: int = 4
    pause: float = 0.5
    connect: float = 15.0
    read: float = 60.0
    longest_pause: float = 120.0


PATIENT = Patience()


class Arrival(NamedTuple):
    """What a transfer says of a whole file.

    Attributes:
        etag: the server's; empty if it gave none.
        sha256: the hash that the server's documentation says the file has; empty if none.
    """

    etag: str = ""
    sha256: str = ""


class TransferError(DownloadError):
    """A file did not come; another way to get it may be named."""


class AbsentError(TransferError):
    """The server, the hub or the store has no such file."""


Sleep = Callable[[float], None]


def check_room(folder: Path, needed: int) -> None:
    """Refuses a file that the disk has no room for.

    Raises:
        TransferError: as said.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TransferError(
            f"it takes {format_bytes(needed)}, and the disk of {folder} has {format_bytes(free)}"
        )
