"""Checks the form of a document: its keys and the kinds of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from composer.documents import Located, ProblemLog, describe_errors, suggest_choice
from composer.language.keys import LANGUAGE_VERSION, SpecDocument, keys_at
from composer.names import did_you_mean

_UNION_BRANCHES = {"str", "list[str]", "dict[str,str]", "InputDocument"}
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
        for location, errors in _by_location(error, document).items():
            if not document.at(location).faulty:
                _note(document, location, errors, log)
            document = _with_fault(document, location, str(errors[0]["type"]))
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


_Location = tuple[str | int, ...]
_Errors = list[Mapping[str, Any]]


def _by_location(error: ValidationError, document: Located) -> dict[_Location, _Errors]:
    """The innermost errors by their places; several for what fits no member of a union."""
    found: dict[_Location, _Errors] = {}
    for details in error.errors(include_url=False):
        found.setdefault(_without_branches(details["loc"], document), []).append(details)
    return {place: found[place] for place in found if not _is_covered(place, found)}


def _without_branches(location: _Location, document: Located) -> _Location:
    """The location without the names of union members, which are no keys of the document."""
    steps: list[str | int] = []
    for step in location:
        here = document.at(steps)
        if step not in _UNION_BRANCHES or here.get(str(step)) is not None:
            steps.append(step)
    return tuple(steps)


def _is_covered(location: _Location, found: Mapping[_Location, _Errors]) -> bool:
    return any(len(other) > len(location) and other[: len(location)] == location for other in found)


def _with_fault(document: Located, location: _Location, kind: str) -> Located:
    """The document with the outputs or the innermost node around a location marked as faulty."""
    steps = [str(step) for step in location]
    around: list[str] = []
    while len(steps) > 1 and steps[0] == "nodes":
        around += steps[:2]
        steps = steps[2:]
    is_extra = kind == "extra_forbidden" and len(location) == 1
    if not around and (is_extra or steps[0] in _HARMLESS):
        return document
    if not around and location[0] in ("outputs", "metadata", "freeze"):
        return document.marked_faulty([str(location[0])])
    return document.marked_faulty(around)


def _note(document: Located, location: _Location, errors: _Errors, log: ProblemLog) -> None:
    owner, key = document.at(location[:-1]), _name_of(location)
    kinds = {details["type"] for details in errors}
    if "extra_forbidden" in kinds:
        known = keys_at(location[:-1])
        log.add(owner.key_place(key), f"unknown key '{key}'", did_you_mean(key, known, "keys"))
    elif "missing" in kinds:
        where = ".".join(str(step) for step in location[:-1])
        log.add(owner.place, f"the key '{key}' is missing" + (f" in '{where}'" if where else ""))
    elif key == "[key]":
        name = str(location[-2])
        place = document.at(location[:-2]).key_place(name)
        log.add(place, f"'{name}' is not a name: use letters, digits and _")
    else:
        value = document.at(location)
        message = f"'{key}': {describe_errors(errors)}"
        log.add(value.place, message, suggest_choice(errors[0]), origin=value.origin)


def _name_of(location: _Location) -> str:
    """What a value is called in a message: its key, with its place in a list: `sizes[0]`."""
    *before, last = location
    if isinstance(last, int) and before:
        return f"{_name_of(tuple(before))}[{last}]"
    return str(last)
