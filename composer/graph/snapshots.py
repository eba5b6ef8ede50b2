"""Snapshots: the values of a session in a folder, from which another process continues.

Each value is a file that `--feed` and `read_value` take, too. `snapshot.json` says which is which,
and what each node was, so that values which a changed spec would compute otherwise are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from composer.blueprint import AddressBook, Blueprint, Dependencies, Node, Slot, Target
from composer.dag import affected
from composer.errors import CheckpointError, InputError, NameResolutionError
from composer.files import folder_written_whole, write_json
from composer.graph.inputs import spread_feed
from composer.json_documents import read_json_document
from composer.language import Mode
from composer.storage import read_value, write_value
from composer.value_cache import KeyMaker

if TYPE_CHECKING:
    from composer.graph.session import Session

NO_NOTES: Mapping[str, Any] = MappingProxyType({})
_MANIFEST, _VALUES = "snapshot.json", "values"
_FORM = 1
_LISTS = ("replaced", "edited", "edits")
_LARGEST = 16 * 2**20  # bytes of the manifest
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}")


class Snapshot(NamedTuple):
    """The values of a session.

    Attributes:
        mode: its mode.
        seed: its seed.
        values: values by slot, after edits.
        left_out: why values are missing, by name.
        replaced: slots whose values are not those of their nodes: fed, or replaced.
        edited: slots whose values were edited.
        edits: the edits in words, where those are known.
    """

    mode: Mode
    seed: int
    values: Mapping[Slot, Any]
    left_out: Mapping[str, str]
    replaced: frozenset[Slot] = frozenset()
    edited: frozenset[Slot] = frozenset()
    edits: tuple[str, ...] = ()


def give_inputs(
    dependencies: Dependencies, inputs: Mapping[str, Any], values: Mapping[Slot, Any]
) -> dict[Slot, Any]:
    """The values of a session with its inputs, whose parts are left out: they follow from those.

    Args:
        dependencies: the nodes and slots of the mode.
        inputs: the graph's inputs by name.
        values: values by slot.
    """
    points = dependencies.inputs
    given = {points[name].slot: value for name, value in inputs.items()}
    parts = set(dependencies.input_types).difference([point.slot for point in points.values()])
    return given | {slot: value for slot, value in values.items() if slot not in parts}


def restore_values(session: Session, snapshot: Snapshot) -> None:
    """Gives a session the values of a snapshot, as if it had computed them.

    Those that were edited count as replaced, since the session does not have the edits.
    """
    points = {point.slot: name for name, point in session._dependencies.inputs.items()}
    for slot, value in snapshot.values.items():
        if slot in points:
            session._inputs[points[slot]] = value
        else:
            session._held.values[slot] = value
            if slot in snapshot.replaced or slot in snapshot.edited:
                session._held.overrides.add(slot)


def leave_out(
    snapshot: Snapshot, slots: Collection[Slot], dependencies: Dependencies, reason: str
) -> Snapshot:
    """A snapshot without the values of slots, and of what depends on them.

    Args:
        snapshot: the snapshot.
        slots: the slots.
        dependencies: the nodes and slots of the mode.
        reason: why, for `left_out`.
    """
    stale = {*slots, *affected(dependencies.graph, slots, snapshot.replaced)}
    return snapshot._replace(
        values={slot: value for slot, value in snapshot.values.items() if slot not in stale},
        left_out={
            **snapshot.left_out,
            **{str(slot): reason for slot in snapshot.values if slot in stale},
        },
        replaced=snapshot.replaced - stale,
        edited=snapshot.edited - stale,
    )


def write_snapshot(
    folder: str | os.PathLike[str],
    snapshot: Snapshot,
    dependencies: Dependencies,
    notes: Mapping[str, Any],
) -> Snapshot:
    """Writes a snapshot into a new folder, whole or not at all.

    Args:
        folder: the folder, which must not exist.
        snapshot: the values.
        dependencies: the nodes and slots of the mode.
        notes: what else the manifest says; `edits` are the edits in words.

    Returns:
        The snapshot without the values that cannot be stored, and why.

    Raises:
        CheckpointError: the folder exists, or cannot be written.
    """
    files: dict[str, str] = {}
    left_out = dict(snapshot.left_out)
    target = Path(folder)
    if os.path.lexists(target):
        raise CheckpointError(f"{target}: there is such a folder already; a snapshot makes its own")
    try:
        with folder_written_whole(target) as unfinished:
            for index, (slot, value) in enumerate(snapshot.values.items()):
                name = str(slot)
                plain = name if _FILE_NAME.fullmatch(name) else f"value{index}"
                try:
                    write_value(unfinished / _VALUES / f"{plain}.safetensors", value)
                    files[name] = f"{_VALUES}/{plain}.safetensors"
                except CheckpointError as error:
                    left_out[name] = str(error).partition(": ")[2]
            document = {
                "snapshot": _FORM,
                "mode": snapshot.mode,
                "seed": snapshot.seed,
                **notes,
                "values": files,
                "left_out": left_out,
                "replaced": sorted(str(slot) for slot in snapshot.replaced),
                "edited": sorted(str(slot) for slot in snapshot.edited),
                "nodes": _describe_nodes(dependencies),
            }
            write_json(unfinished / _MANIFEST, document, indent=2)
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}") from error
    kept = {slot: value for slot, value in snapshot.values.items() if str(slot) in files}
    return snapshot._replace(values=kept, left_out=left_out)


def read_snapshot(folder: str | os.PathLike[str], blueprint: Blueprint) -> Snapshot:
    """Reads the values of a snapshot that a graph, which may have changed since, can use.

    Args:
        folder: the folder.
        blueprint: the nodes of the graph.

    Raises:
        InputError: there is no snapshot, it is damaged, or a value no longer fits its port.
    """
    document = _read_manifest(Path(folder))
    mode = cast("Mode", document["mode"])
    if mode not in blueprint.modes:
        raise InputError(f"{folder}: a snapshot of {mode}, which this graph does not have")
    dependencies, book = blueprint.dependencies(mode), blueprint.book(mode)
    own = frozenset(_find_slots(document["replaced"], book))
    stale = _find_stale(dependencies, document["nodes"], own)
    values: dict[Slot, Any] = {}
    left_out = dict(document["left_out"])
    for name, file in document["values"].items():
        try:
            target = book.resolve(name)
        except NameResolutionError:
            left_out[name] = "this graph has no such value"
            continue
        if target.slot in stale:
            left_out[name] = "its node, or one above it, has changed since"
            continue
        values.update(_read_one(_inside(Path(folder), file), name, target, dependencies))
    edited = frozenset(_find_slots(document["edited"], book))
    return Snapshot(
        mode,
        document["seed"],
        values,
        left_out,
        own & values.keys(),
        edited & values.keys(),
        tuple(map(str, document["edits"])),
    )


def _find_slots(names: Collection[Any], book: AddressBook) -> Iterator[Slot]:
    """The slots of names, as far as there are such."""
    for name in names:
        with suppress(NameResolutionError):
            yield book.resolve(str(name)).slot


def _read_one(
    file: Path, name: str, target: Target, dependencies: Dependencies
) -> Mapping[Slot, Any]:
    """The values by slot that a file of a snapshot has.

    Raises:
        InputError: it cannot be read, or its value does not fit.
    """
    try:
        return spread_feed(target, read_value(file), dependencies)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{file}: the value of '{name:.80}' cannot be read: {reason}") from error
    except InputError as error:
        text = str(error)
        is_named = text.startswith(str(file))
        raise InputError(text if is_named else f"{file}: {text}") from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        document = read_json_document(path, largest=_LARGEST)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise InputError(f"{path}: no snapshot can be read: {reason}") from error
    shapes = {"mode": str, "seed": int, "values": dict, "left_out": dict, "nodes": dict}
    shapes |= dict.fromkeys(_LISTS, list)
    is_known = isinstance(document, dict) and document.get("snapshot") == _FORM
    if is_known:  # what a snapshot of a run without them need not have
        document = {**{key: [] for key in _LISTS}, **document}
    if not is_known or not all(type(document.get(k)) is kind for k, kind in shapes.items()):
        raise InputError(f"{path}: no snapshot can be read: it is damaged, or of another version")
    return cast("dict[str, Any]", document)


def _inside(folder: Path, file: Any) -> Path:
    """The file of a value, which lies in the folder of the snapshot.

    Raises:
        InputError: it lies elsewhere.
    """
    name = str(file).removeprefix(f"{_VALUES}/")
    if not _FILE_NAME.fullmatch(name):
        raise InputError(f"{folder / _MANIFEST}: it names a file elsewhere, {name!r:.80}")
    return folder / _VALUES / name


def _find_stale(
    dependencies: Dependencies, known: Mapping[str, Any], replaced: Collection[Slot]
) -> set[Slot | str]:
    """The nodes that are not what they were, and all that depends on them but what was replaced."""
    nodes = _describe_nodes(dependencies)
    changed: set[Slot | str] = {path for path in nodes if known.get(path) != nodes[path]}
    return changed | affected(dependencies.graph, changed, replaced)


def _describe_nodes(dependencies: Dependencies) -> dict[str, str]:
    """A hash of each node's type, configuration and wires, as far as those have one."""
    return {path: _describe(node, dependencies.mode) for path, node in dependencies.nodes.items()}


def _describe(node: Node, mode: Mode) -> str:
    wires = [[port, end.slots, end.gathers] for port, end in node.arguments[mode].items()]
    content = [node.type_name, {**node.config}, {**node.shapes}, sorted(wires, key=str)]
    return KeyMaker().find_value(content) or ""
