"""A JSON Schema of the spec language, so that editors complete and check specs.

When a spec is loaded, the whole is checked: bases merged in, params in their places. The schema is
of one file: `${name}` may stand for any value, `null` takes away what a base has, and what is
required may be in the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from composer.errors import ComposerError, PluginError
from composer.language import SpecDocument
from composer.node import read_contract
from composer.registry import NODE_GROUP, Publication, Registry, list_faults

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
_PARAM_USE = r"\$\{"  # a pattern binds texts only, so it can stand beside any type
_MAPPINGS = ("properties", "patternProperties", "$defs")
_SINGLES = ("items", "additionalProperties")
_CHOICES = ("anyOf", "oneOf")
_ABOUT = ("title", "description", "default")


@dataclass(frozen=True)
class SpecSchema:
    """The schema, and the node types that it lacks.

    Args:
        document: the schema, as plain data.
        failures: a message for each node type that could not be read.
    """

    document: Schema
    failures: Sequence[str]


_WRITTEN_OUT = {"if": {"type": "object"}}  # a list hands on params


def make_schema(registry: Registry | None = None) -> SpecSchema:
    """The schema of specs that use the node types of a registry.

    Args:
        registry: the node types; those that are installed by default. Their plugins are imported.
    """
    is_installed, registry = registry is None, registry or Registry.installed()
    configurations: dict[str, Schema] = {}
    failures = list(list_faults(NODE_GROUP)) if is_installed else []
    for publication in registry.publications:
        if registry.describe_fault(publication):
            continue
        try:
            configurations[_definition(publication)] = _configuration_of(publication)
        except PluginError as error:
            failures.append(str(error))
    document = loosen_inside(SpecDocument.model_json_schema(by_alias=True))
    document |= {
        "required": ["composer"],
        "anyOf": [{"required": ["nodes"]}, {"required": ["extends"]}],
    }
    _describe_nodes(document["$defs"]["NodeDocument"], registry, configurations)
    document["$defs"] |= configurations
    return SpecSchema({"$schema": DIALECT, **document}, failures)


class _Lenient(GenerateJsonSchema):
    """Allows anything for types that JSON does not have."""

    def handle_invalid_for_json_schema(
        self,
        schema: core_schema.CoreSchema,  # noqa: ARG002 - named by pydantic
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        """The schema that allows everything."""
        return {}


def _configuration_of(publication: Publication) -> Schema:
    """The schema of the `with:` of a node type.

    Raises:
        PluginError: if its plugin fails to import, or it is no node type.
    """
    target = publication.load()
    try:
        contract = read_contract(target)
    except PluginError as error:
        raise PluginError(
            f"node type '{publication.name}' of {publication.label}: {error}"
        ) from error
    schema = contract.config.model_json_schema(schema_generator=_Lenient)
    schema = inline_definitions(schema, schema.pop("$defs", {}))
    schema["title"] = f"{publication.name} of {publication.plugin}"
    if contract.summary:
        schema["description"] = contract.summary
    return loosen(schema)


def _describe_nodes(node: Schema, registry: Registry, configurations: Mapping[str, Schema]) -> None:
    """Suggests node types for `uses`, and ties `with` to the one that is used."""
    published = registry.publications
    names = {name: entry for entry in published for name in _names_of(entry, registry)}
    node["properties"]["uses"] = {
        "description": "Node type: `name`, or `distribution/name`.",
        "anyOf": [{"enum": sorted(names)}, {"type": ["string", "null"]}],
    }
    node["allOf"] = [
        {
            "if": {"properties": {"uses": {"const": name}}, "required": ["uses"]},
            "then": {
                "properties": {
                    "with": {**_WRITTEN_OUT, "then": {"$ref": f"#/$defs/{_definition(entry)}"}}
                }
            },
        }
        for name, entry in sorted(names.items())
        if _definition(entry) in configurations
    ]


def _names_of(publication: Publication, registry: Registry) -> Iterator[str]:
    """The names that mean a node type in a user's document."""
    name = publication.name
    for text in (name, publication.qualified, f"{publication.plugin}/{name}"):
        try:
            if registry.find(text).publication == publication:
                yield text
        except ComposerError:
            continue


def _definition(publication: Publication) -> str:
    return f"{publication.distribution}.{publication.module}.{publication.attribute}"


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
    """The alternatives of a schema, nested ones included, without `null`."""
    for choice in _CHOICES:
        for part in schema.get(choice, ()):
            if part.keys() <= set(_CHOICES):
                yield from _alternatives(part)
            elif part != {"type": "null"}:
                yield part
