"""The reason why something has no key."""

from __future__ import annotations


class UnknownContentError(Exception):
    """What a value depends on cannot be described, so the value is not kept; the text says why."""
