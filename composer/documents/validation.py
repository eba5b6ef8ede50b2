"""Checks located values with a pydantic model, and puts the model's errors at their places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from composer.documents.located import Located
from composer.documents.model_types import is_model, list_types_at
from composer.documents.problems import ProblemLog
from composer.names import did_you_mean

# In the context of validators: what relative paths are relative to, and a list that takes remarks.
FOLDER, NOTES = "folder", "notes"

_LONGEST = 200  # characters of a value in a message

_Model = TypeVar("_Model", bound=BaseModel)
Location = tuple[str | int, ...]
Errors = list[Mapping[str, Any]]

_KINDS = {
    "string_type": "should be a text",
    "bool_type": "should be true or false",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "float_parsing": "should be a number",
    "bool_parsing": "should be true or false",
    "float_type": "should be a number",
    "list_type": "should be a list",
    "set_type": "should be a list",
    "frozen_set_type": "should be a list",
    "tuple_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "needs_python_object": "cannot be written in a spec",
}
_LENGTHS = {"too_short": "min_length", "too_long": "max_length"}  # and the limit in its context


def name_value(location: Sequence[str | int]) -> str:
    """A value's way from the root, as messages have it: `train.augmentations[0].with`."""
    name = ""
    for step in location:
        name += f"[{step}]" if isinstance(step, int) else f".{step}"
    return name.lstrip(".")


def validate(
    document: Located,
    model: type[_Model],
    log: ProblemLog,
    context: Mapping[str, Any] | None = None,
) -> _Model | None:
    """Makes a model of a document.

    Values are taken strictly, as JSON: a list may become a tuple and a whole number a float, but
    a text never becomes a number.

    Args:
        document: the values and their places.
        model: the model.
        log: takes all errors; none for a value that a problem was noted about before.
        context: the context of the model's validators.

    Returns:
        The model; None if there are errors.
    """
    text = json.dumps(document.plain())
    try:
        return model.model_validate_json(text, strict=True, context=dict(context or {}))
    except ValidationError as error:
        note_errors(error, document, model, log)
        return None


def note_errors(
    error: ValidationError,
    document: Located,
    model: type[BaseModel],
    log: ProblemLog,
    name: Callable[[Location], str] = name_value,
) -> dict[Location, str]:
    """Notes what pydantic found, each error at its place.

    Args:
        error: pydantic's error.
        document: the values that it is about.
        model: the model that they do not fit.
        log: takes the problems; none for a value that a problem was noted about before.
        name: gives the name of a value in messages.

    Returns:
        The location of each faulty value, and pydantic's word for the first error there.
    """
    found = group_errors(error, document)
    for location, errors in found.items():
        if not document.at(location).faulty:
            _note(document, model, location, errors, log, name)
    return {location: str(errors[0]["type"]) for location, errors in found.items()}


def group_errors(error: ValidationError, document: Located) -> dict[Location, Errors]:
    """The innermost errors by their locations; several for what fits no member of a union."""
    found: dict[Location, Errors] = {}
    for details in error.errors(include_url=False):
        location = _without_branches(details, document)
        found.setdefault(location, []).append(details)
    around = {place[:length] for place in found for length in range(len(place))}
    return {place: found[place] for place in found if place not in around}


def _without_branches(details: Mapping[str, Any], document: Located) -> Location:
    """The location without the names of union members, which are no keys of the document."""
    *before, last = details["loc"] or ("",)
    steps: list[str | int] = []
    for step in before:
        if _leads_on(document.at(steps), step):
            steps.append(step)
    is_absent = details["type"] == "missing" or last == "[key]"
    if is_absent or _leads_on(document.at(steps), last):
        steps.append(last)
    return tuple(steps)


def _leads_on(here: Located, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(here.value, list) and step < len(here.value)
    return here.get(step) is not None


def _note(
    document: Located,
    model: type[BaseModel],
    location: Location,
    errors: Errors,
    log: ProblemLog,
    name: Callable[[Location], str],
) -> None:
    owner, key = document.at(location[:-1]), str(location[-1]) if location else ""
    extra = next((e for e in errors if e["type"] == "extra_forbidden"), None)
    if extra is not None:
        known = extra.get("ctx", {}).get("known") or keys_at(model, location[:-1])
        message = f"unknown key '{key}'"
        log.add(owner.key_place(key), message, lambda: did_you_mean(key, known, "keys"))
    elif any(e["type"] == "missing" for e in errors):
        log.add(owner.place, _describe_missing(location))
    elif key == "[key]":
        place = document.at(location[:-2]).key_place(str(location[-2]))
        log.add(place, _describe_key(str(location[-2]), errors))
    else:
        value = document.at(location)
        where = f"'{name(location)}': " if location else ""
        hint = next(filter(None, map(_hint, errors)), "")
        log.add(value.place, where + describe_errors(errors), hint, value.origin)


def _describe_missing(location: Location) -> str:
    *around, last = location
    where = name_value(around)
    if isinstance(last, int):
        return f"'{where}': an item {last + 1} is missing"
    return f"the key '{last}' is missing" + (f" in '{where}'" if where else "")


def _describe_key(key: str, errors: Errors) -> str:
    if any(details["type"] == "string_pattern_mismatch" for details in errors):
        return f"'{key}' is not a name: use letters, digits and _"
    return f"'{key}': {describe_errors(errors)}"


def _hint(details: Mapping[str, Any]) -> str:
    return str(details.get("ctx", {}).get("hint") or suggest_choice(details))


def keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that may stand at a place of a document, for suggestions."""
    found: list[Any] = [model]
    for step in location:
        found = [inner for kind in found for inner in list_types_at(kind, step)]
    models = filter(is_model, found)
    return [field.alias or name for each in models for name, field in each.model_fields.items()]


def describe_errors(errors: Sequence[Mapping[str, Any]]) -> str:
    """Pydantic's errors of one value as the rest of a sentence.

    Args:
        errors: its errors; several for a value that fits no member of a union.
    """
    said: list[str] = []
    for details in errors:
        message = str(details["msg"])
        if details["type"] == "value_error":
            return " ".join(message.removeprefix("Value error, ").splitlines())
        if details["type"] in _LENGTHS:
            said.append(_describe_length(details))
            continue
        message = _KINDS.get(str(details["type"]), message.removeprefix("Input "))
        said.append(message[:1].lower() + message[1:])
    sentence = " or ".join(dict.fromkeys(said)).replace(" or should be ", " or ")
    if all(details["type"] in _LENGTHS for details in errors):  # it says what there is
        return sentence
    return f"{sentence}, not {_written(errors[0]['input'])}"


def _describe_length(details: Mapping[str, Any]) -> str:
    """What is wrong with the number of items of a list or mapping."""
    limit, actual = details["ctx"][_LENGTHS[details["type"]]], details["ctx"]["actual_length"]
    found = {0: "none", None: "more"}.get(actual, actual)  # what is too long is not always counted
    bound = "at least" if details["type"] == "too_short" else "at most"
    entries = "entries" if isinstance(details["input"], dict) else "items"
    one = "entry" if isinstance(details["input"], dict) else "item"
    return f"should have {bound} {limit} {one if limit == 1 else entries}, and has {found}"


def suggest_choice(details: Mapping[str, Any]) -> str:
    """The closest of the allowed values of a choice, or nothing where there is no choice."""
    if details["type"] != "literal_error" or not isinstance(details["input"], str):
        return ""
    choices = re.findall(r"'([^']*)'", str(details["ctx"]["expected"]))
    hint = did_you_mean(details["input"], choices)
    return hint if hint.startswith("Did") else ""


def _written(value: object) -> str:
    """A value as the spec writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."
