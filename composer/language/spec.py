"""The values that a spec parses to: immutable, graphs nested, no reference resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from composer.discovery import DISTRIBUTION
from composer.documents import Located, Place, ProblemLog, escape, locate
from composer.language.form import check_form
from composer.language.keys import LANGUAGE_VERSION, MODES, ImageFormat, Mode
from composer.language.metadata import SpecMetadata
from composer.language.settings import Resolved
from composer.language.sources import SavedSpec, find_home


@dataclass(frozen=True)
class Reference:
    """`node`, `node.port` or an input, as written.

    Args:
        text: the text.
        place: where it stands.
        origin: where what it leads to was handed in, when that is outside a nested graph.
    """

    text: str
    place: Place
    origin: Place | None = None


@dataclass(frozen=True)
class WireSpec:
    """The sources of an input port, per mode.

    Args:
        references: the references of each mode; a mode without any is absent.
        gathers: the modes in which a list was written: the port gets a list of values.
        place: where the wire stands.
        faulty: whether a problem was noted about it.
    """

    references: Mapping[Mode, tuple[Reference, ...]]
    gathers: frozenset[Mode]
    place: Place
    faulty: bool = False


@dataclass(frozen=True)
class InputSpec:
    """An input of a graph.

    Args:
        name: its name.
        type_name: its port type, `any` for one that is taken from what it is wired to.
        image: how image files are read into it.
        example: a file to run on when none is given.
        optional: whether the graph may be run without it.
        place: where it is declared.
        written_in: the document in which its port type is written.
    """

    name: str
    type_name: str
    image: ImageFormat
    example: Path | None
    optional: bool
    place: Place
    written_in: str = ""


@dataclass(frozen=True)
class NodeSpec:
    """A node: one of `uses`, `same_as` and `graph` is set, or a problem was noted about it.

    `written_in` is the document in which the name of its node type is written.
    """

    name: str
    place: Place
    uses: str | None
    same_as: Reference | None
    graph: GraphSpec | None
    config: Located
    inputs: Mapping[str, WireSpec]
    input_places: Mapping[str, Place]
    when: Mode | None
    namespace: str | None
    device: str | None
    weights: Path | str | None
    doc: str
    freeze: tuple[Reference, ...] = ()  # modules inside the node; of a nested graph, see there
    recompute: bool | None = None  # as the graph around it if it says nothing
    places: Mapping[str, Place] = field(default_factory=dict)
    faulty: bool = False
    written_in: str = ""

    def place_of(self, key: str) -> Place:
        """The place of the value of one of the node's keys."""
        return self.places.get(key, self.place)


@dataclass(frozen=True)
class GraphSpec:
    """Nodes and outputs; the inputs of a graph in place are the wires of its node.

    What is frozen is named from this graph on. Of nodes and inputs that a later document has
    deleted, it has the places where that was done.
    """

    inputs: Mapping[str, InputSpec]
    nodes: Mapping[str, NodeSpec]
    outputs: Mapping[str, WireSpec]
    place: Place
    freeze: tuple[Reference, ...] = ()
    deleted: Mapping[str, Place] = field(default_factory=dict)

    def walk(self, prefix: str = "") -> Iterator[tuple[str, NodeSpec]]:
        """Every node with its dotted path, nested ones after their parent."""
        for name, node in self.nodes.items():
            path = f"{prefix}{name}"
            yield path, node
            if node.graph is not None:
                yield from node.graph.walk(f"{path}.")


@dataclass(frozen=True)
class FrozenPart:
    """A part of a model that is not trained.

    Args:
        path: path of a node or nested graph.
        module: dotted name of a module inside the node; empty for all of it.
        place: where it is named.
    """

    path: str
    module: str
    place: Place

    @property
    def name(self) -> str:
        """Its full name: the path, then the module."""
        return f"{self.path}.{self.module}" if self.module else self.path

    def covers(self, path: str) -> bool:
        """Whether it is a node, or the nested graph that a node is in, or a module of a node."""
        return path == self.path or (not self.module and path.startswith(f"{self.path}."))


@dataclass(frozen=True)
class Spec:
    """A whole spec.

    Args:
        name: name of the model.
        doc: description of the model.
        params: the params' values.
        graph: the graph.
        weights: checkpoints by node path; the empty path stands for the whole graph.
        freeze: parts that are not trained, by full name.
        metadata: names and colours of classes and keypoints.
        metadata_places: where the keys of `metadata` stand, as far as they are in a document.
        document: the same spec as one plain document without `extends`, `spec:` and `${}`.
        source: the file or mapping, for messages.
        resolved: params and aliases by address, and settings that wait for their node types.
        notes: remarks on settings and names.
        saved: the file that the spec was saved in, if it was.
    """

    name: str
    doc: str
    params: Mapping[str, Any]
    graph: GraphSpec
    weights: Mapping[str, str]
    document: Mapping[str, Any]
    source: str
    freeze: Mapping[str, FrozenPart] = field(default_factory=dict)
    metadata: SpecMetadata = field(default_factory=SpecMetadata)
    metadata_places: Mapping[str, Place] = field(default_factory=dict)
    resolved: Resolved = field(default_factory=Resolved)
    notes: tuple[str, ...] = ()
    saved: SavedSpec | None = None

    @property
    def label(self) -> str:
        """The name, with the distribution of one that another than ours publishes."""
        home = find_home(self.source)
        return self.name if home in (None, DISTRIBUTION) else f"{home}/{self.name}"

    def modes(self) -> tuple[Mode, ...]:
        """The modes in which the spec has outputs; both if it declares none."""
        wires = self.graph.outputs.values()
        found = tuple(m for m in MODES if any(m in wire.references for wire in wires))
        return found or MODES

    def with_notes(self, notes: Sequence[str]) -> Spec:
        """The same spec with further remarks."""
        return replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes]))) if notes else self

    def with_metadata(self, metadata: SpecMetadata | Mapping[str, Any]) -> Spec:
        """The same spec with other metadata, which replace all that it has.

        Args:
            metadata: the new ones, as `SpecMetadata` or as a spec has them under `metadata`.

        Raises:
            SpecError: with all that is wrong with them.
        """
        if not isinstance(metadata, SpecMetadata):
            metadata = _read_metadata(metadata)
        document = {key: value for key, value in self.document.items() if key != "metadata"}
        if stated := metadata.as_document():
            document["metadata"] = escape(stated)
        return replace(self, metadata=metadata, metadata_places={}, document=document)


def to_metadata(item: Located | None) -> SpecMetadata:
    """The metadata of a document whose form was checked; nothing where there was a problem."""
    if item is None or item.faulty or not item.is_mapping:
        return SpecMetadata()
    return SpecMetadata.model_validate(item.plain())


def _read_metadata(given: Mapping[str, Any]) -> SpecMetadata:
    log = ProblemLog()
    whole = {"composer": LANGUAGE_VERSION, "nodes": {}, "metadata": given}
    document = check_form(locate(whole, "<dict>"), log)
    log.raise_any()
    return to_metadata(document.get("metadata"))
