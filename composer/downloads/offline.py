"""Whether files may be fetched: not offline, and not by commands that only look."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

VARIABLE = "COMPOSER_OFFLINE"
_OFF = {"", "0", "false", "no", "off"}
_REASON: ContextVar[str] = ContextVar("reason", default="")


def is_offline() -> bool:
    """Whether the environment forbids to fetch anything."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def find_reason(offline: bool | None = None) -> str:
    """Why nothing is fetched; an empty text if files may be.

    Args:
        offline: what the call says; None for what the command and the environment say.
    """
    if reason := _REASON.get():
        return reason
    if is_offline() if offline is None else offline:
        return f"offline by {VARIABLE}" if offline is None else "offline"
    return ""


def is_fetching_forbidden() -> bool:
    """Whether nothing is fetched: offline, or by a command that only looks."""
    return bool(find_reason())


@contextmanager
def without_fetching(reason: str) -> Iterator[None]:
    """Forbids to fetch files while the `with` block runs; those in the cache are at hand.

    Args:
        reason: for messages, such as "offline" or "`composer show` fetches nothing".
    """
    token = _REASON.set(reason)
    try:
        yield
    finally:
        _REASON.reset(token)
