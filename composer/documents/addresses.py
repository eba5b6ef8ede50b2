"""Addresses of the values of a document: every field of its pydantic model, written or not."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from composer.documents.document_part import DocumentPart
from composer.documents.located import Located
from composer.documents.model_types import is_model, list_members
from composer.documents.places import Place

_NAME = "uses"
_OPTIONS = "with"  # the key of a section whose entries have addresses of the section itself

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Address:
    """The value of an address in one document.

    Args:
        location: keys and positions from the root to the value.
        is_section: whether it has fields with addresses of their own.
        is_open: whether it is a mapping that takes any name.
    """

    location: Location
    is_section: bool = False
    is_open: bool = False


def list_addresses(document: Located, model: type[BaseModel]) -> dict[str, Address]:
    """The addresses of all values that a document may hold.

    The fields of a model have addresses whether they are written or left to their defaults;
    members of a list (by position, from 0) and of a mapping have one if they are written. Options
    below `with:` go without that word, unless a field has their name: `datasets.train.annotations`.

    Args:
        document: the values, with params in place.
        model: the model of the document.
    """
    return dict(_walk(document, model, ()))


def _walk(here: Located, model: type[BaseModel], way: Location) -> Iterator[tuple[str, Address]]:
    """The addresses below a value; `way` leads to it."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    for name, field in model.model_fields.items():
        key = field.alias or name
        step = (*way, key)
        written = here.get(key)
        if key == _OPTIONS:
            options = _list_options(here, model)
            yield write_address(step), Address(step, is_open=True)
            for option in options:
                address = step if option in names else way
                yield write_address((*address, option)), Address((*step, option))
        else:
            yield from _of_field(written, field.annotation, step)


def _of_field(
    written: Located | None, annotation: Any, way: Location
) -> Iterator[tuple[str, Address]]:
    inner = _model_of(annotation)
    members = _model_of_members(annotation)
    value = None if written is None else written.value
    yield (
        write_address(way),
        Address(way, inner is not None, members is None and _is_mapping(annotation)),
    )
    if inner is not None:
        yield from _walk(written or Located({}, Place("")), inner, way)
    elif isinstance(value, (dict, list)):
        keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            if members is None and isinstance(value, dict):
                yield write_address((*way, key)), Address((*way, key))
            elif members is not None:
                yield write_address((*way, key)), Address((*way, key), is_section=True)
                yield from _walk(value[key], members, (*way, key))


def _list_options(here: Located, model: type[BaseModel]) -> list[str]:
    """The keys that may stand below `with:`, of which some are written."""
    written = here.get(_OPTIONS)
    found = [key for key, _ in written.entries()] if written is not None else []
    uses = here.get(_NAME)
    if issubclass(model, DocumentPart):
        default = model.model_fields["uses"].default if "uses" in model.model_fields else None
        name = default if uses is None else uses.value
        if isinstance(name, str):
            source = "" if uses is None else (uses.origin or uses.place).source
            found += model.list_options(name, source)
    return list(dict.fromkeys(found))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a value of this type is, if it is one, or null."""
    return next(filter(is_model, list_members(annotation)), None)


def _model_of_members(annotation: Any) -> type[BaseModel] | None:
    """The model of the members of a list or a mapping, if they are ones."""
    for each in list_members(annotation):
        if typing.get_origin(each) in (list, dict):
            last, *others = list_members(typing.get_args(each)[-1])
            if is_model(last) and not others:
                return last
    return None


def _is_mapping(annotation: Any) -> bool:
    origins = [typing.get_origin(each) for each in list_members(annotation)]
    return any(isinstance(each, type) and issubclass(each, Mapping) for each in origins)


def write_address(way: Location) -> str:
    """The address of a location: its steps, with dots between."""
    return ".".join(map(str, way))


def put(document: Located, location: Location, value: Located, place: Place) -> Located:
    """A document with a value in the place of another; mappings on the way to it are made.

    Args:
        document: the document.
        location: keys and positions from the root to the value.
        value: the new value.
        place: where the setting stands, which messages about the key point at.
    """
    if not location:
        return value
    step, rest = location[0], location[1:]
    if isinstance(step, int):
        items = list(document.value)
        items[step] = put(items[step], rest, value, place)
        return replace(document, value=items)
    entries = dict(document.entries())
    inner = entries.get(step) or Located({}, place)
    entries[step] = put(inner, rest, value, place)
    places = {**document.key_places, step: document.key_places.get(step, place)}
    if not rest:
        places[step] = place
    if not rest and step == _NAME and _OPTIONS in entries:
        # What is wrong with the options of one thing follows from another's being named.
        entries[_OPTIONS] = entries[_OPTIONS].moved(place)
        places[_OPTIONS] = place if not places[_OPTIONS].line else places[_OPTIONS]
        document = document if document.place.line else replace(document, place=place)
    is_new = not document.is_mapping
    return Located(entries, place if is_new else document.place, places)
