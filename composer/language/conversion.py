"""From a document's values to graphs, nodes and wires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.discovery import shipped_folder
from composer.documents import Located, Place, ProblemLog
from composer.downloads import is_address
from composer.files import is_there
from composer.language.keys import MODES, RECOMPUTE, ImageFormat, Mode
from composer.language.referenced_files import leads_out
from composer.language.spec import GraphSpec, InputSpec, NodeSpec, Reference, WireSpec

_KINDS = ("uses", "same_as", "nodes")
_BELONGS = {"with": "uses", "params": "spec", "outputs": "nodes", "set": "nodes"}
_RESERVED = {"training"}  # assigned by `train()`, which a module of that name would forbid
_OF_THE_MODULE = ("namespace", "device", "weights", "freeze")


def beside_spec(file: Located, log: ProblemLog) -> str:
    """A file named in a spec: next to the spec if it is there, else as written, or an address."""
    if is_address(file.value):
        return str(file.value)
    beside = Path(file.place.source).parent / str(file.value)
    found = str(beside) if file.place.line and is_there(beside) else str(file.value)
    if leads_out(found, file.place):
        log.add(file.place, f"'{found}' leads out of the folder of the published spec")
    return found


def to_graph(item: Located, log: ProblemLog) -> GraphSpec:
    """The graph that a document describes."""
    inputs = item.get("inputs") or Located({}, item.place)
    declared = {name: _to_input(name, value, log) for name, value in inputs.entries()}
    return _to_graph(item, declared, set(declared), log)


def _to_graph(
    item: Located, inputs: dict[str, InputSpec], taken: set[str], log: ProblemLog
) -> GraphSpec:
    """The graph of a document or a node; `taken` are names that its nodes cannot have."""
    nodes = item.get("nodes") or Located({}, item.place)
    declared = item.get("inputs") or Located({}, item.place)
    return GraphSpec(
        inputs=inputs,
        nodes={name: _to_node(name, nodes, taken, log) for name, _ in nodes.entries()},
        outputs=_to_outputs(item.get("outputs")),
        place=item.place,
        freeze=_references(item.get("freeze")),
        deleted={**declared.deleted, **nodes.deleted},
    )


def _to_input(name: str, item: Located, log: ProblemLog) -> InputSpec:
    plain = item.plain()
    declared: dict[str, Any] = plain if isinstance(plain, dict) else {"type": plain or "any"}
    example = item.get("example")
    return InputSpec(
        name=name,
        type_name=str(declared.get("type", "any")),
        image=ImageFormat.model_validate(declared.get("image") or {}),
        example=None if example is None else _find_example(example, log),
        optional=bool(declared.get("optional", False)),
        place=(item.get("type") or item).place,
        written_in=_written_in(item.get("type") or item),
    )


def _find_example(item: Located, log: ProblemLog) -> Path | None:
    if item.value is None:
        return None
    for directory in (Path(item.place.source).parent, shipped_folder("specs")):
        for candidate in (directory / item.value, directory / "examples" / item.value):
            if is_there(candidate) and not leads_out(candidate, item.place):
                return candidate
    log.add(item.place, f"there is no example file '{item.value}' beside the spec")
    return None


def _to_node(name: str, nodes: Located, taken: set[str], log: ProblemLog) -> NodeSpec:
    item: Located = nodes.value[name]
    place = nodes.key_place(name)
    faulty = _has_fault(item) or not _is_one_kind(name, item, place, log)
    if name in taken:
        log.add(place, f"'{name}' is the name of an input and of a node")
        faulty = True
    if name in _RESERVED:
        log.add(place, f"'{name}' cannot name a node: every module has a value of that name")
        faulty = True
    if faulty:
        item = Located({}, place)
    weights = item.get("weights")
    wires = item.get("inputs") or Located({}, place)
    ports = {port for port, _ in wires.entries()}

    def text(key: str) -> str | None:
        value = item.value.get(key)
        return None if value is None or value.value is None else str(value.value)

    return NodeSpec(
        name=name,
        place=place,
        uses=text("uses"),
        same_as=_reference(item.get("same_as")),
        graph=_to_graph(item, {}, ports, log) if _has(item, "nodes") else None,
        config=item.get("with") or Located({}, place),
        inputs={port: _to_wire(wire) for port, wire in wires.entries()},
        input_places={port: wires.key_place(port) for port in ports},
        when=_mode(text("when")),
        namespace=text("namespace"),
        device=text("device"),
        weights=beside_spec(weights, log) if weights and text("weights") else None,
        doc=text("doc") or "",
        freeze=_references(item.get("freeze")) if _has(item, "uses") else (),
        recompute=item.value[RECOMPUTE].value if _has(item, RECOMPUTE) else None,
        places={key: value.place for key, value in item.entries()},
        faulty=faulty,
        written_in=_written_in(item.get("uses")),
    )


def _written_in(name: Located | None) -> str:
    """The document in which a name is written, from where a param may have brought it."""
    return "" if name is None else (name.origin or name.place).source


def _to_outputs(item: Located | None) -> dict[str, WireSpec]:
    """Outputs by name, from either form: by mode first, or by name first."""
    if item is None or item.faulty or not item.is_mapping:
        return {}
    if item.value.keys().isdisjoint(MODES):
        return {name: _to_wire(wire) for name, wire in item.entries()}
    per_name: dict[str, dict[str, Located]] = {}
    for mode, wires in item.entries():
        for name, wire in wires.entries():
            per_name.setdefault(name, {})[mode] = wire
    return {
        name: _to_wire(Located(wires, next(iter(wires.values())).place))
        for name, wires in per_name.items()
    }


def _to_wire(item: Located) -> WireSpec:
    """A wire, from any of its forms."""
    given: dict[Mode, Located | None] = (
        {mode: item.get(mode) for mode in MODES} if item.is_mapping else dict.fromkeys(MODES, item)
    )
    per_mode = {m: wire for m, wire in given.items() if wire is not None and wire.value is not None}
    written = [item, *filter(None, given.values())] if item.is_mapping else [item]
    return WireSpec(
        references={
            mode: tuple(map(_to_reference, _members(wire))) for mode, wire in per_mode.items()
        },
        gathers=frozenset(mode for mode, wire in per_mode.items() if isinstance(wire.value, list)),
        place=item.place,
        faulty=any(map(_has_faulty_member, written)),
    )


def _has_faulty_member(wire: Located) -> bool:
    return wire.faulty or True in [member.faulty for member in _members(wire)]


def _members(item: Located) -> list[Located]:
    """The members of a list; another value by itself."""
    return item.value if isinstance(item.value, list) else [item]


def _to_reference(item: Located) -> Reference:
    return Reference(str(item.value), item.place)


def _reference(item: Located | None) -> Reference | None:
    return None if item is None or item.value is None else _to_reference(item)


def _references(item: Located | None) -> tuple[Reference, ...]:
    """The names of a list, without those that a problem was noted about."""
    if item is None or item.faulty or not isinstance(item.value, list):
        return ()
    return tuple(_to_reference(member) for member in item.value if not member.faulty)


def _mode(text: str | None) -> Mode | None:
    return next((mode for mode in MODES if mode == text), None)


def _has(item: Located, key: str) -> bool:
    value = item.get(key)
    return value is not None and value.value is not None


def _has_fault(item: Located) -> bool:
    """Whether a problem was noted about a value; nodes and wires inside have their own."""
    if item.faulty or isinstance(item.value, list):
        return item.faulty or any(map(_has_fault, item.value))
    inner = [member for key, member in item.entries() if key not in ("nodes", "inputs", "outputs")]
    return any(map(_has_fault, inner))


def _is_one_kind(name: str, item: Located, place: Place, log: ProblemLog) -> bool:
    """Whether a node is one thing and has only what goes with it; if not, the log says why."""
    kinds = [kind for kind in _KINDS if _has(item, kind)]
    if not any(_has(item, key) for key in item.value or ()):
        log.add(place, f"node '{name}' is empty: it needs 'uses', 'spec', 'nodes' or 'same_as'")
        return False
    if len(kinds) != 1:
        log.add(place, f"node '{name}' needs exactly one of 'uses', 'spec', 'nodes' and 'same_as'")
        return False
    fits = True
    for key in (key for key in item.value if _has(item, key)):
        if key in _BELONGS and _BELONGS[key] != kinds[0]:
            kind = "spec" if "spec" in item.key_places else kinds[0]
            message = f"'{key}' goes with '{_BELONGS[key]}', not with '{kind}'"
        elif kinds[0] == "same_as" and key in _OF_THE_MODULE:
            message = f"'{key}' belongs to the node that 'same_as' names: put it there"
        else:
            continue
        log.add(item.key_place(key), message)
        fits = False
    return fits
