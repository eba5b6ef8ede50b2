"""The closest match for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most alike `name`, if any is alike enough to be meant."""
    matches = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str], what: str = "") -> str:
    """A hint: the closest match, else the candidates themselves where they are few.

    Args:
        name: what was written.
        candidates: what could have been meant.
        what: what the candidates are, in the plural ("params"), for the list.
    """
    names = sorted(set(candidates))
    if match := closest(name, names):
        return f"Did you mean '{match}'?"
    if not names:
        return f"There are no {what}." if what else ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else ".")
    return f"{what[:1].upper() + what[1:]}: {shown}" if what else f"There are: {shown}"
