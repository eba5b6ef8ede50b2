"""What an exported file says of itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from composer.errors import CheckpointError
from composer.exporting.checking import CheckedOutput
from composer.exporting.cut import Cut
from composer.exporting.flat_slots import FlatSlot
from composer.exporting.port_forms import describe_ports
from composer.graph.description import describe_graph
from composer.json_documents import parse_json_document

if TYPE_CHECKING:
    from composer.graph import Graph

KEY = "composer.export"
_VERSION = 1


class ExportedTensor(NamedTuple):
    """An input or output of an exported file.

    Args:
        name: its name.
        dtype: its dtype, such as `float32`.
        shape: its dimensions; those that differ between runs have names.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        sides = [str(side).rpartition(".")[2] for side in self.shape]
        return f"{'x'.join(sides) or 'scalar'} {self.dtype}"


class FileDescription(NamedTuple):
    """What a file says of itself.

    Args:
        until: the last nodes; nothing for the outputs of the graph.
        feeds: the nodes whose values are given to it.
        inputs: its inputs.
        outputs: its outputs.
        checked: the largest error of each output, relative to its largest number.
        examples: the sizes of the inputs that it was checked on.
        tolerance: the tolerance of the check.
        text: all of its metadata.
    """

    until: tuple[str, ...]
    feeds: tuple[str, ...]
    inputs: tuple[ExportedTensor, ...]
    outputs: tuple[ExportedTensor, ...]
    checked: Mapping[str, float]
    examples: tuple[str, ...]
    tolerance: float
    text: Mapping[str, str]


def describe_export(
    graph: Graph,
    cut: Cut,
    checked: Sequence[CheckedOutput],
    *,
    until: Sequence[str],
    feeds: Sequence[str],
    tolerance: float,
    names: Collection[str] | None = None,
) -> dict[str, str]:
    """The metadata of a file: the spec, what of it was exported, names, types and the check."""
    content = {
        "version": _VERSION,
        "until": list(until),
        "feeds": list(feeds),
        "ports": {
            "inputs": describe_ports(cut, cut.entering_slots, names),
            "outputs": describe_ports(cut, cut.leaving_slots, None),
        },
        "inputs": [e for e in _list(cut.entering) if names is None or e["name"] in names],
        "outputs": _list(cut.leaving),
        "checked": {each.name: each.error for each in checked},
        "examples": [_describe_sizes(cut, example) for example in cut.examples],
        "tolerance": tolerance,
    }
    return {**describe_graph(graph, graph.spec, None), KEY: json.dumps(content)}


def parse_file_description(metadata: Mapping[str, str], file: str) -> FileDescription | None:
    """What a file says of itself; None if it is not one that was exported here.

    Raises:
        CheckpointError: it says something else.
    """
    if KEY not in metadata:
        return None
    try:
        content = parse_json_document(metadata[KEY])
        if content["version"] != _VERSION:
            raise CheckpointError(
                f"{file}: its description has version {content['version']}, known is {_VERSION}"
            )
        return FileDescription(
            until=tuple(map(str, content["until"])),
            feeds=tuple(map(str, content["feeds"])),
            inputs=_parse(content["inputs"]),
            outputs=_parse(content["outputs"]),
            checked={str(name): float(error) for name, error in content["checked"].items()},
            examples=tuple(map(str, content["examples"])),
            tolerance=float(content["tolerance"]),
            text=metadata,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{file}: its description is damaged") from error


def _list(slots: Sequence[FlatSlot]) -> list[dict[str, Any]]:
    return [
        {
            "name": tensor.name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
        }
        for flat in slots
        for tensor in flat.tensors
    ]


def _parse(entries: Any) -> tuple[ExportedTensor, ...]:
    found = []
    for entry in entries:
        sides = tuple(side if isinstance(side, int) else str(side) for side in entry["shape"])
        found.append(ExportedTensor(str(entry["name"]), str(entry["dtype"]), sides))
    return tuple(found)


def _describe_sizes(cut: Cut, example: Mapping[Any, Any]) -> str:
    sizes = (tuple(tensor.shape) for tensor in cut.read_inputs(example).values())
    return ", ".join("x".join(map(str, size)) for size in sizes)
