"""The keys of the spec language and what each may hold.

These models check a document's form and have the JSON Schema that editors use. What a node's
`with:` may hold belongs to its node type and is checked later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from composer.language.metadata import SpecMetadata
from composer.ranges import OptionalPixelSide

LANGUAGE_VERSION = 1
RECOMPUTE = "recompute"  # a key of nodes and nested graphs that has an address
Mode = Literal["training", "inference"]

MODES: tuple[Mode, ...] = ("training", "inference")

NAME = r"[A-Za-z_]\w*"
REFERENCE = rf"{NAME}(\.{NAME})*"
ADDRESS = r"[\w*-]+(\.[\w*-]+)*"
_NAME, _REFERENCE = re.compile(NAME), re.compile(REFERENCE)
_FROZEN = re.compile(r"\w+([.:]\w+)*")
_REFERENCES_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": f"^{REFERENCE}$"},
        {"type": "array", "items": {"type": "string", "pattern": f"^{REFERENCE}$"}, "minItems": 1},
    ]
}
_WIRE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        *_REFERENCES_SCHEMA["anyOf"],
        {"type": "null"},
        {
            "type": "object",
            "properties": {
                mode: {"anyOf": [_REFERENCES_SCHEMA, {"type": "null"}]} for mode in MODES
            },
            "additionalProperties": False,
            "minProperties": 1,
        },
    ]
}


def _check_references(value: object) -> None:
    references = value if isinstance(value, list) and value else [value]
    for text in references:
        if isinstance(text, str) and ":" in text:
            raise ValueError("a wire cannot come from a tap; give the tap to a run's `until`")
        if not isinstance(text, str) or not _REFERENCE.fullmatch(text):
            raise ValueError(
                "a wire is 'node' or 'node.port', a list of those, "
                "or one of these for each of 'training' and 'inference'"
            )


def _check_wire(value: object) -> object:
    """Refuses what is no wire; null is one that leads nowhere."""
    by_mode = isinstance(value, dict) and value and set(value) <= set(MODES)
    for references in value.values() if by_mode and isinstance(value, dict) else [value]:
        if references is not None:
            _check_references(references)
    return value


def _check_frozen(value: object) -> object:
    if not isinstance(value, str) or not _FROZEN.fullmatch(value):
        raise ValueError(
            "what is frozen is named by its path: 'roi_heads', 'backbone.bottom_up.stem'"
        )
    return value


# Pydantic's own schema lets other names pass.
_NAMED: dict[str, Any] = {"propertyNames": {"pattern": f"^{NAME}$"}}
WireText = Annotated[Any, BeforeValidator(_check_wire), WithJsonSchema(_WIRE_SCHEMA)]
FrozenName = Annotated[
    Any,
    BeforeValidator(_check_frozen),
    WithJsonSchema({"type": "string", "pattern": f"^{_FROZEN.pattern}$"}),
]
NodeName = Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]


def _check_handed_on(value: object) -> object:
    """Refuses what is neither a mapping nor nothing; lists of names were written out before."""
    if value is not None and not isinstance(value, dict):
        raise ValueError("this is a mapping, or a list of params to hand on and of mappings")
    return value


_HANDED_ON_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "object"},
        {
            "type": "array",
            "items": {"anyOf": [{"type": "string", "pattern": f"^{NAME}$"}, {"type": "object"}]},
        },
        {"type": "null"},
    ]
}
HandedOn = Annotated[Any, BeforeValidator(_check_handed_on), WithJsonSchema(_HANDED_ON_SCHEMA)]
_ADDRESSED: dict[str, Any] = {"propertyNames": {"pattern": f"^{ADDRESS}$"}}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)


class ImageFormat(_Model):
    """Format of the images of an `ImageBatch`, and the size that files are resized to."""

    channel_order: Literal["BGR", "RGB"] = Field("BGR", description="Order of the channels.")
    scale: float = Field(1.0, gt=0, description="Factor on the values 0..255.")
    shortest_edge: OptionalPixelSide = Field(
        800, description="Pixels; 0 leaves images as they are."
    )
    longest_edge: int = Field(1333, ge=0, description="Pixels; limits the longer edge.")


class InputDocument(_Model):
    """An input of a graph."""

    type: str = Field("any", description="Port type, as published by a plugin, or `any`.")
    image: ImageFormat | None = Field(None, description="How image files are read into it.")
    example: str | None = Field(None, description="A file to run on when none is given.")
    optional: bool = Field(False, description="Whether a graph may be run without it.")


class NodeDocument(_Model):
    """A node: a call of a node type, a nested graph, or another node's module again."""

    doc: str | None = Field(None, description="What the node is for.")
    uses: str | None = Field(None, description="Node type: `name` or `distribution/name`.")
    with_: HandedOn = Field(
        None,
        alias="with",
        description="Configuration that differs from the node type's defaults; "
        "a list hands on params of the same names.",
    )
    spec: str | None = Field(None, description="File or name of a spec to nest here.")
    params: HandedOn = Field(
        None,
        description="Params for the nested spec; a list hands on params of the same names.",
    )
    set_: dict[str, Any] | None = Field(
        None,
        alias="set",
        json_schema_extra=_ADDRESSED,
        description="Values by their addresses in the nested graph.",
    )
    same_as: str | None = Field(None, description="Path of the node whose module to call again.")
    inputs: dict[NodeName, WireText] | None = Field(
        None, json_schema_extra=_NAMED, description="Wires to the input ports."
    )
    nodes: dict[NodeName, NodeDocument | None] | None = Field(
        None,
        json_schema_extra=_NAMED,
        description="A nested graph in place, or changes to the one of `spec`.",
    )
    outputs: OutputsText = Field(None, description="Outputs of the nested graph.")
    when: Mode | None = Field(None, description="The only mode that the node exists in.")
    namespace: str | None = Field(
        None, description="Checkpoint key prefix of the weights; `.` is the enclosing graph's."
    )
    device: str | None = Field(None, description="Device of the node, as in torch.device.")
    recompute: bool | None = Field(
        None,
        description="Whether training computes activations again for the gradients, which takes "
        "less memory and more time; of a nested graph, for all nodes in it.",
    )
    weights: str | None = Field(None, description="Checkpoint to load into this node.")
    freeze: list[FrozenName] | None = Field(
        None,
        description="Modules in the node, or nodes of the nested graph, that are not trained.",
    )


def _check_outputs(value: object) -> object:
    if value is None:
        return value
    if not isinstance(value, dict):
        raise ValueError("outputs map names to wires")
    if value.keys().isdisjoint(MODES):
        _check_named_wires(value, _check_wire)
        return value
    for mode, wires in value.items():
        if mode not in MODES or not isinstance(wires, (dict, NoneType)):
            raise ValueError(
                "outputs are given by name, or all of them below 'training' and 'inference'"
            )
        _check_named_wires(wires or {}, _check_references)
    return value


def _check_named_wires(wires: dict[str, Any], check: Callable[[object], object]) -> None:
    for name, wire in wires.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' cannot name an output; use letters, digits and _")
        if wire is not None:
            check(wire)


_OUTPUTS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                mode: {"type": ["object", "null"], "additionalProperties": _REFERENCES_SCHEMA}
                for mode in MODES
            },
            "additionalProperties": False,
        },
        {"type": "object", "additionalProperties": _WIRE_SCHEMA},
        {"type": "null"},
    ]
}
OutputsText = Annotated[Any, BeforeValidator(_check_outputs), WithJsonSchema(_OUTPUTS_SCHEMA)]


class SpecDocument(_Model):
    """A whole spec: one YAML document."""

    composer: int = Field(description="Version of the spec language.", ge=1)
    name: str | None = Field(None, description="Name of the model.")
    doc: str | None = Field(None, description="What the model is, and its source.")
    extends: str | list[str] | None = Field(
        None, description="Spec or specs that this one is merged over."
    )
    params: dict[NodeName, Any] | None = Field(
        None, json_schema_extra=_NAMED, description="Params with their defaults."
    )
    set_: dict[str, Any] | None = Field(
        None,
        alias="set",
        json_schema_extra=_ADDRESSED,
        description="Values by address: `backbone.fpn.norm`; `*` stands for any one name.",
    )
    aliases: dict[NodeName, str] | None = Field(
        None, json_schema_extra=_NAMED, description="Short names of addresses."
    )
    inputs: dict[NodeName, str | InputDocument | None] | None = Field(
        None, json_schema_extra=_NAMED, description="Inputs of the graph and their port types."
    )
    nodes: dict[NodeName, NodeDocument | None] = Field(
        json_schema_extra=_NAMED, description="The nodes by name."
    )
    outputs: OutputsText = Field(None, description="Outputs of a full run.")
    weights: str | dict[str, str] | None = Field(
        None, description="Checkpoint of the whole graph, or checkpoints by node path."
    )
    freeze: list[FrozenName] | None = Field(
        None, description="Nodes, nested graphs and modules inside nodes that are not trained."
    )
    metadata: SpecMetadata | None = Field(
        None, description="What the predicted numbers stand for: names of classes and keypoints."
    )


NodeDocument.model_rebuild()
SpecDocument.model_rebuild()
