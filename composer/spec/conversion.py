"""From a document's values to nodes, wires and graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.spec.language import MODES, ImageFormat, Mode
from composer.spec.located import Located
from composer.spec.model import GraphSpec, InputSpec, NodeSpec, Reference, WireSpec
from composer.spec.places import Place
from composer.spec.problems import ProblemLog
from composer.spec.shipped import specs_directory

_KINDS = ("uses", "same_as", "nodes")


def beside_spec(file: Located) -> str:
    """A file named in a spec: next to the spec if it is there, else as written."""
    beside = Path(file.place.source).parent / str(file.value)
    return str(beside) if file.place.line and beside.exists() else str(file.value)


def to_graph(item: Located, log: ProblemLog) -> GraphSpec:
    """The graph that a document, or a node with `nodes:`, describes."""
    inputs = item.get("inputs")
    declared = inputs.entries() if inputs is not None else ()
    nodes = item.get("nodes")
    entries = nodes.entries() if nodes is not None else ()
    graph = GraphSpec(
        inputs={name: _to_input(name, value, log) for name, value in declared},
        nodes={name: _to_node(name, value, nodes, log) for name, value in entries},
        outputs=_to_outputs(item.get("outputs")),
        place=item.place,
    )
    for name in graph.inputs.keys() & graph.nodes.keys():
        log.add(graph.nodes[name].place, f"'{name}' is the name of an input and of a node")
    return graph


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
        place=item.place,
    )


def _find_example(item: Located, log: ProblemLog) -> Path | None:
    for directory in (Path(item.place.source).parent, specs_directory()):
        for candidate in (directory / item.value, directory / "examples" / item.value):
            if candidate.exists():
                return candidate
    log.add(item.place, f"there is no example file '{item.value}' beside the spec")
    return None


def _to_node(name: str, item: Located, owner: Located | None, log: ProblemLog) -> NodeSpec:
    place = owner.key_place(name) if owner is not None else item.place
    if not item.is_mapping:
        log.add(place, f"node '{name}' is empty: it wants 'uses', 'spec', 'nodes' or 'same_as'")
        item = Located({}, place)
    kinds = [kind for kind in _KINDS if item.get(kind) is not None]
    if len(kinds) > 1 or (not kinds and item.value):
        log.add(place, f"node '{name}' wants exactly one of 'uses', 'spec', 'nodes' and 'same_as'")
    for key, owner_kind in (("with", "uses"), ("outputs", "nodes")):
        if item.get(key) is not None and kinds != [owner_kind] and len(kinds) == 1:
            log.add(item.key_place(key), f"'{key}' goes with '{owner_kind}', not with '{kinds[0]}'")
    wires = item.get("inputs") or Located({}, item.place)
    return _node_spec(name, item, place, wires, log)


def _node_spec(name: str, item: Located, place: Place, wires: Located, log: ProblemLog) -> NodeSpec:
    same_as, weights = item.get("same_as"), item.get("weights")
    nested = item.get("nodes") is not None

    def text(key: str) -> str | None:
        value = item.get(key)
        return None if value is None or value.value is None else str(value.value)

    return NodeSpec(
        name=name,
        place=place,
        uses=text("uses"),
        same_as=None if same_as is None else Reference(str(same_as.value), same_as.place),
        graph=_to_nested_graph(item, log) if nested else None,
        config=item.get("with") or Located({}, place),
        inputs={port: _to_wire(wire) for port, wire in wires.entries()},
        input_places={port: wires.key_place(port) for port, _ in wires.entries()},
        when=text("when"),  # type: ignore[arg-type]
        namespace=text("namespace"),
        device=text("device"),
        weights=None if weights is None else beside_spec(weights),
        doc=text("doc") or "",
        places={key: value.place for key, value in item.entries()},
    )


def _to_nested_graph(item: Located, log: ProblemLog) -> GraphSpec:
    wires = item.get("inputs")
    graph = to_graph(
        Located({k: v for k, v in item.value.items() if k != "inputs"}, item.place), log
    )
    for name, _ in wires.entries() if wires is not None else ():
        if name in graph.nodes:
            log.add(graph.nodes[name].place, f"'{name}' is the name of an input and of a node")
    return graph


def _to_outputs(item: Located | None) -> dict[str, WireSpec]:
    """Outputs by name, from either form: by mode first, or by name first."""
    if item is None or not item.is_mapping:
        return {}
    by_mode = {mode: item.value[mode] for mode in MODES if mode in item.value}
    if not by_mode or len(by_mode) < len(item.value) or not all(map(_is_mapping, by_mode.values())):
        return {name: _to_wire(wire) for name, wire in item.entries()}
    outputs: dict[str, WireSpec] = {}
    for mode, wires in by_mode.items():
        for name, wire in wires.entries():
            references, gathers = _references(wire)
            known = outputs.get(name, WireSpec({}, frozenset(), wire.place))
            outputs[name] = WireSpec(
                {**known.references, mode: references},
                known.gathers | ({mode} if gathers else frozenset()),
                known.place,
            )
    return outputs


def _is_mapping(item: Located) -> bool:
    return item.is_mapping


def _to_wire(item: Located) -> WireSpec:
    per_mode: dict[Mode, Located] = {}
    if item.is_mapping:
        per_mode = {mode: item.value[mode] for mode in MODES if mode in item.value}
    elif item.value is not None:
        per_mode = dict.fromkeys(MODES, item)
    parsed = {mode: _references(wire) for mode, wire in per_mode.items() if wire.value is not None}
    return WireSpec(
        references={mode: references for mode, (references, _) in parsed.items()},
        gathers=frozenset(mode for mode, (_, gathers) in parsed.items() if gathers),
        place=item.place,
    )


def _references(item: Located) -> tuple[tuple[Reference, ...], bool]:
    if isinstance(item.value, list):
        return tuple(Reference(str(entry.value), entry.place) for entry in item.value), True
    return (Reference(str(item.value), item.place),), False
