"""Loosens a schema of what a spec comes to into one of what may be written in a file.

What is checked when a spec is loaded is the whole: bases merged in, params put in their places. In
a file, `${name}` may stand for any value, `null` takes away what a base has, and what is required
may be in the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]

_PARAM_USE = r"\$\{"  # a pattern binds texts only, so it can stand beside any type
_MAPPINGS = ("properties", "patternProperties", "$defs")
_SINGLES = ("items", "additionalProperties")
_CHOICES = ("anyOf", "oneOf")
_ABOUT = ("title", "description", "default")


def loosen(schema: Schema) -> Schema:
    """The schema that allows `${name}` and `null` in the place of every value, however deep."""
    changed = loosen_inside(schema)
    if alternatives := [loosen(part) for part in _alternatives(schema)]:
        rest = {key: part for key, part in changed.items() if key not in _CHOICES}
        return (
            {**alternatives[0], **rest}
            if len(alternatives) == 1
            else rest | {"anyOf": alternatives}
        )
    if changed.keys() & {"enum", "const", "pattern"}:
        about = {key: changed.pop(key) for key in _ABOUT if key in changed}
        return about | {"anyOf": [changed, {"type": ["string", "null"], "pattern": _PARAM_USE}]}
    if "type" not in changed:
        return changed
    types = changed["type"] if isinstance(changed["type"], list) else [changed["type"]]
    limit = {} if "string" in types else {"pattern": _PARAM_USE}
    return changed | {"type": list(dict.fromkeys([*types, "string", "null"]))} | limit


def loosen_inside(schema: Schema) -> Schema:
    """The schema with everything inside loosened, and nothing required, but not itself loosened."""
    changed = {key: part for key, part in schema.items() if key != "required"}
    for key in _MAPPINGS:
        if key in schema:
            changed[key] = {name: loosen(part) for name, part in schema[key].items()}
    for key in _SINGLES:
        if isinstance(schema.get(key), dict):
            changed[key] = loosen(schema[key])
    if "prefixItems" in schema:
        changed["prefixItems"] = [loosen(part) for part in schema["prefixItems"]]
    return changed


def inline_definitions(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with references replaced by what they refer to.

    Args:
        schema: a schema or a part of one.
        definitions: the schemas that are referred to, by name. One that contains itself allows
            anything where it comes around.
    """
    if isinstance(schema, list):
        return [inline_definitions(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if name := str(schema.get("$ref", "")).rpartition("/")[2]:
        remaining = {key: part for key, part in definitions.items() if key != name}
        return inline_definitions(definitions.get(name, {}), remaining)
    return {key: inline_definitions(part, definitions) for key, part in schema.items()}


def _alternatives(schema: Schema) -> Iterator[Schema]:
    """What a schema lets one choose from, choices inside choices included, `null` left out."""
    for choice in _CHOICES:
        for part in schema.get(choice, ()):
            if part.keys() <= set(_CHOICES):
                yield from _alternatives(part)
            elif part != {"type": "null"}:
                yield part
