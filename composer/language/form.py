"""Checks the form of a document: its keys and the kinds of their values."""

from __future__ import annotations

from pydantic import ValidationError

from composer.documents import Located, Location, ProblemLog, note_errors
from composer.language.keys import LANGUAGE_VERSION, SpecDocument

_HARMLESS = {"composer", "name", "doc", "weights"}  # the rest can be checked without them


def check_form(document: Located, log: ProblemLog) -> Located:
    """Notes every unknown key and every value of the wrong kind.

    Args:
        document: the document.
        log: takes the problems.

    Returns:
        The document, with the nodes and outputs that had a problem marked as faulty; the document
        itself is marked where the rest of it cannot be understood.
    """
    if not document.is_mapping:
        log.add(document.place, "a spec is a mapping with the keys 'composer', 'nodes', ...")
        return document.marked_faulty()
    if _is_newer(document, log):
        return document.marked_faulty()
    try:
        SpecDocument.model_validate(document.plain())
    except ValidationError as error:
        found = note_errors(error, document, SpecDocument, log, _name_of)
        ways = [_find_faulty(location, kind) for location, kind in found.items()]
        document = document.marked_faulty(way for way in ways if way is not None)
    return document


def _is_newer(document: Located, log: ProblemLog) -> bool:
    version = document.get("composer")
    if version is None or not isinstance(version.value, int) or version.value <= LANGUAGE_VERSION:
        return False
    log.add(
        version.place,
        f"this spec is written in version {version.value} of the language; "
        f"the installed composer reads up to version {LANGUAGE_VERSION}",
        "Upgrade detection-composer.",
    )
    return True


def _find_faulty(location: Location, kind: str) -> list[str] | None:
    """The way to what a fault leaves unusable: the innermost node around it, the outputs, all.

    None where the rest can be checked without it.
    """
    steps = [str(step) for step in location]
    around: list[str] = []
    while len(steps) > 1 and steps[0] == "nodes":
        around += steps[:2]
        steps = steps[2:]
    is_extra = kind == "extra_forbidden" and len(location) == 1
    if not around and (is_extra or steps[0] in _HARMLESS):
        return None
    if not around and location[0] in ("outputs", "metadata", "freeze", "set", "aliases"):
        return [str(location[0])]
    return around


def _name_of(location: Location) -> str:
    """The name of a value in messages: its key, with its place in a list: `sizes[0]`."""
    *before, last = location
    if isinstance(last, int) and before:
        return f"{_name_of(tuple(before))}[{last}]"
    return str(last)
