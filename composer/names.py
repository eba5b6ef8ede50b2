"""Dotted names: resolving a full name or a unique end of one, wildcards, and suggestions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from composer.errors import NameResolutionError

WILDCARD = "*"


def find_names(name: str, candidates: Collection[str]) -> list[str]:
    """The candidates that a name can mean: itself, else all that end in it.

    Args:
        name: a dotted name, or a pattern in which `*` stands for one name between dots.
        candidates: full dotted names.

    Returns:
        The name itself if it is a candidate; else, in their order, the candidates of which it is a
        dotted end (`mask_pooler` of `roi_heads.mask_pooler`). A pattern that matches whole
        candidates gives all of those, and otherwise those that it is an end of.
    """
    if WILDCARD in name:
        exact = re.compile(_pattern(name))
        end = re.compile(rf"(?:.*\.)?{_pattern(name)}")
        found = [full for full in candidates if exact.fullmatch(full)]
        return found or [full for full in candidates if end.fullmatch(full)]
    if name in candidates:
        return [name]
    return [full for full in candidates if full.endswith(f".{name}")]


def resolve_name(name: str, candidates: Collection[str], what: str = "node") -> str:
    """The candidate that a full name or a unique end of one means.

    Args:
        name: a dotted name.
        candidates: full dotted names.
        what: what the candidates are, for messages ("node", "dataset").

    Raises:
        NameResolutionError: if it means none, with the closest match, or several, with a list.
    """
    found = find_names(name, candidates)
    if len(found) == 1:
        return found[0]
    message, hint = describe_unresolved(name, found, candidates, what)
    raise NameResolutionError(f"{message}. {hint}" if hint else message)


def describe_unresolved(
    name: str, found: Collection[str], candidates: Iterable[str], what: str = "node", use: str = ""
) -> tuple[str, str]:
    """Why a name does not mean one candidate, and a hint.

    Args:
        name: what was written.
        found: the candidates that it can mean: none, or several.
        candidates: what could have been meant.
        what: what the candidates are ("node", "dataset").
        use: what one is named for ("to freeze").
    """
    if found:
        return f"'{name}' is ambiguous; it could be {', '.join(sorted(found))}", ""
    message = f"there is no {what} '{name}' {use}".rstrip()
    return message, did_you_mean(name, candidates, f"{what}s")


def _pattern(name: str) -> str:
    """The regular expression of a name with wildcards; none of them goes past a dot."""
    parts = [re.escape(part).replace(re.escape(WILDCARD), r"[^.]+") for part in name.split(".")]
    return r"\.".join(parts)


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a misspelt name is most like, if any is alike enough to be meant."""
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
