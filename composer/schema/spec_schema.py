"""The schema of specs, with the configuration of every node type in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from composer.errors import PluginError
from composer.language import SpecDocument
from composer.node import read_contract
from composer.registry import Publication, Registry
from composer.schema.loosening import Schema, inline_definitions, loosen, loosen_inside

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class SpecSchema:
    """The schema, and what is missing in it.

    Args:
        document: the schema, as plain data.
        failures: a message for each node type that could not be read.
    """

    document: Schema
    failures: Sequence[str]


def make_schema(registry: Registry | None = None) -> SpecSchema:
    """The schema of specs that use the node types of a registry.

    Args:
        registry: the node types; those that are installed by default. Their plugins are imported.
    """
    published = (registry or Registry.installed()).publications
    configurations: dict[str, Schema] = {}
    failures: list[str] = []
    for publication in published:
        try:
            configurations[_definition(publication)] = _configuration_of(publication)
        except PluginError as error:
            failures.append(str(error))
    document = loosen_inside(SpecDocument.model_json_schema(by_alias=True))
    document |= {
        "required": ["composer"],
        "anyOf": [{"required": ["nodes"]}, {"required": ["extends"]}],
    }
    _describe_nodes(document["$defs"]["NodeDocument"], published, configurations)
    document["$defs"] |= configurations
    return SpecSchema({"$schema": DIALECT, **document}, failures)


class _Lenient(GenerateJsonSchema):
    """Takes types that JSON knows nothing of for anything at all."""

    def handle_invalid_for_json_schema(
        self,
        schema: core_schema.CoreSchema,  # noqa: ARG002 - named by pydantic
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        """The schema that allows everything."""
        return {}


def _configuration_of(publication: Publication) -> Schema:
    """The schema of what may stand in the `with:` of a node type.

    Raises:
        PluginError: if its plugin fails to import, or it is no node type.
    """
    contract = read_contract(publication.load())
    schema = contract.config.model_json_schema(schema_generator=_Lenient)
    schema = inline_definitions(schema, schema.pop("$defs", {}))
    schema["title"] = f"{publication.name} of {publication.plugin}"
    if contract.summary:
        schema["description"] = contract.summary
    return loosen(schema)


def _describe_nodes(
    node: Schema, published: Sequence[Publication], configurations: Mapping[str, Schema]
) -> None:
    """Suggests node types for `uses`, and ties `with` to the one that is used."""
    names = {name: entry for entry in published for name in _names_of(entry, published)}
    node["properties"]["uses"] = {
        "description": "Node type: `name`, or `plugin/name`.",
        "anyOf": [{"enum": sorted(names)}, {"type": ["string", "null"]}],
    }
    node["allOf"] = [
        {
            "if": {"properties": {"uses": {"const": name}}, "required": ["uses"]},
            "then": {"properties": {"with": {"$ref": f"#/$defs/{_definition(entry)}"}}},
        }
        for name, entry in sorted(names.items())
        if _definition(entry) in configurations
    ]


def _names_of(publication: Publication, published: Sequence[Publication]) -> Iterator[str]:
    """The names that mean a node type and nothing else."""
    named_so = [entry for entry in published if entry.name == publication.name]
    if len(named_so) == 1:
        yield publication.name
    for qualifier in dict.fromkeys((publication.plugin, publication.distribution)):
        if sum(entry.answers_to(qualifier) for entry in named_so) == 1:
            yield f"{qualifier}/{publication.name}"


def _definition(publication: Publication) -> str:
    return f"{publication.distribution}.{publication.module}.{publication.attribute}"
