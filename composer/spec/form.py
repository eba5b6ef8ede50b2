"""Checks the form of a document: its keys and the kinds of their values."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from composer.spec.language import LANGUAGE_VERSION, SpecDocument, keys_at
from composer.spec.located import Located
from composer.spec.problems import ProblemLog
from composer.spec.suggestion import did_you_mean

_UNION_BRANCHES = {"str", "list[str]", "dict[str,str]", "InputDocument"}


def check_form(document: Located, log: ProblemLog) -> None:
    """Notes every unknown key and every value of the wrong kind."""
    if not document.is_mapping:
        log.add(document.place, "a spec is a mapping with the keys 'composer', 'nodes', ...")
        return
    if _is_newer(document, log):
        return
    try:
        SpecDocument.model_validate(document.plain())
    except ValidationError as error:
        for details in _without_branches(error):
            _note(document, details, log)


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


def _without_branches(error: ValidationError) -> list[dict[str, Any]]:
    """The errors with the names of union members taken out of their locations, once each."""
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for details in error.errors(include_url=False):
        location = tuple(step for step in details["loc"] if step not in _UNION_BRANCHES)
        entry = {**details, "loc": location}
        kept = seen.get(location)
        if kept is None or details["type"] == "extra_forbidden":
            seen[location] = entry
    return [e for e in seen.values() if not _is_covered(e["loc"], seen)]


def _is_covered(location: tuple[Any, ...], seen: dict[tuple[Any, ...], dict[str, Any]]) -> bool:
    return any(len(other) > len(location) and other[: len(location)] == location for other in seen)


def _note(document: Located, details: dict[str, Any], log: ProblemLog) -> None:
    location: tuple[str | int, ...] = details["loc"]
    owner, key = document.at(location[:-1]), str(location[-1]) if location else ""
    where = ".".join(str(step) for step in location[:-1])
    if details["type"] == "extra_forbidden":
        known = keys_at(location[:-1])
        log.add(owner.key_place(key), f"unknown key '{key}'", did_you_mean(key, known, "keys"))
    elif details["type"] == "missing":
        log.add(owner.place, f"the key '{key}' is missing" + (f" in '{where}'" if where else ""))
    elif key == "[key]":
        name = str(location[-2])
        place = document.at(location[:-2]).key_place(name)
        log.add(place, f"'{name}' is not a name: use letters, digits and _")
    else:
        value = document.at(location)
        log.add(value.place, f"'{key}': {describe_error(details)}", origin=value.origin)


def describe_error(details: dict[str, Any]) -> str:
    """A pydantic error as the rest of a sentence."""
    message = str(details["msg"])
    if details["type"] == "value_error":
        return message.removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{message}, got {details['input']!r}"
