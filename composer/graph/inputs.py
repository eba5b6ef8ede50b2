"""Binds what a user gives: to the inputs of a graph, and feeds to the slots that they fill."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from torch import Tensor

from composer.blueprint import AddressBook, Dependencies, GraphInput, Plan, Slot, Target
from composer.errors import InputError
from composer.names import closest
from composer.node import describe_type, plain, takes
from composer.values import describe

_NO_EDITS: Mapping[Slot, Callable[[Any], Any]] = {}  # as torch.compile follows it


def bind_inputs(
    inputs: Mapping[str, GraphInput], positional: tuple[Any, ...], named: Mapping[str, Any]
) -> dict[str, Any]:
    """The given values by input name.

    A graph with several inputs takes them in their order, by keyword, or as one mapping by name.

    Raises:
        InputError: for too many values, or names that are no inputs.
    """
    names = list(inputs.keys())  # without .keys(), torch.compile does not guard the names
    if len(names) > 1 and len(positional) == 1 and _is_by_name(positional[0], inputs):
        named, positional = {**positional[0], **named}, ()
    elif len(names) > 1 and len(positional) == 1:
        _check_names(positional[0], inputs)
    if len(positional) > len(names):
        raise InputError(
            f"{len(positional)} inputs were given; the graph takes: {_listing(inputs)}"
        )
    given = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in inputs:
            raise InputError(_describe_unknown(name, inputs))
        if name in given:
            raise InputError(f"the input '{name}' was given twice")
        given[name] = value
    return {name: value for name, value in given.items() if value is not None}


def read_inputs(
    inputs: Mapping[str, GraphInput],
    plan: Plan,
    given: Mapping[str, Any],
    fed: Mapping[Slot, Any] | None = None,
    edits: Mapping[Slot, Callable[[Any], Any]] = _NO_EDITS,
) -> dict[Slot, Any]:
    """The values of the input slots that a plan reads.

    Args:
        inputs: the graph's inputs in the mode of the plan.
        plan: the plan.
        given: values by input name.
        fed: values by slot that are there already, inputs among them.
        edits: change inputs and parts of inputs, but nothing that is fed.

    Raises:
        InputError: if an input is missing or of the wrong kind.
    """
    values: dict[Slot, Any] = {}
    fed = fed or {}
    for name, point in inputs.items():
        if name in plan.inputs:
            if name not in given and not point.optional:
                raise InputError(_missing(point, plan))
            whole = convert_input(point, given.get(name))
            if point.slot in edits:
                whole = edits[point.slot](whole)
        elif point.slot in fed:
            whole = values[point.slot] = convert_input(point, fed[point.slot])
        else:
            continue
        for slot in plan.input_slots:
            if slot == point.slot:
                values[slot] = whole
            elif slot.path == name and slot.port in point.parts:
                part = _part(point, whole, slot.port)
                values[slot] = edits[slot](part) if slot in edits else part
    return values


def _is_by_name(value: Any, inputs: Mapping[str, GraphInput]) -> bool:
    return isinstance(value, Mapping) and value.keys() <= inputs.keys()


def _check_names(value: Any, inputs: Mapping[str, GraphInput]) -> None:
    """Refuses a mapping by name that has a name which is misspelt."""
    names = [name for name in value if isinstance(name, str)] if isinstance(value, Mapping) else []
    unknown = [name for name in names if name not in inputs]
    if unknown and (len(unknown) < len(names) or closest(unknown[0], inputs)):
        raise InputError(_describe_unknown(unknown[0], inputs))


def _describe_unknown(name: str, inputs: Mapping[str, GraphInput]) -> str:
    meant = closest(name, inputs)
    hint = f". Did you mean '{meant}'?" if meant else ""
    return f"there is no input '{name}'; the graph takes: {_listing(inputs)}{hint}"


def convert_input(point: GraphInput, value: Any) -> Any:
    """The value as its port type; a type with `from_records` accepts more than itself.

    Raises:
        InputError: if it is of the wrong kind.
    """
    if value is None or point.convert is None:
        return value
    try:
        return point.convert(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"input '{point.name}': {error}") from error


def _part(point: GraphInput, value: Any, part: str) -> Any:
    if value is None:
        return None
    try:
        return getattr(value, part)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"input '{point.name}.{part}': {error}") from error


def _missing(point: GraphInput, plan: Plan) -> str:
    readers = [
        step.node.path
        for step in plan.steps
        for argument in step.arguments.values()
        if any(s == point.slot or s.path == point.name for s in argument.slots)
    ]
    *others, last = dict.fromkeys(readers or [""])
    named = f"{', '.join(others)} and {last} read" if others else f"{last} reads"
    reader = f", which {named}," if readers else ""
    kind = describe_type(point.type)
    return f"the input '{point.name}' ({kind}){reader} is missing; give it, or feed its readers"


def _listing(inputs: Mapping[str, GraphInput]) -> str:
    shown = [f"{p.name} ({describe_type(p.type)})" for p in inputs.values()]
    return ", ".join(shown) or "nothing"


def spread_feeds(
    feeds: Mapping[str, Any], book: AddressBook, types: Dependencies
) -> dict[Slot, Any]:
    """The slots that given values fill.

    Args:
        feeds: values by node or port.
        book: the names of the mode.
        types: the nodes and slots of the mode.

    Raises:
        NameResolutionError: if a name means nothing or several things.
        InputError: if something cannot be fed, or is fed twice.
    """
    filled: dict[Slot, Any] = {}
    for name, value in feeds.items():
        given = spread_feed(book.resolve(name), value, types)
        if twice := filled.keys() & given.keys():
            raise InputError(f"'{min(twice)}' is fed twice, the second time as '{name}'")
        filled.update(given)
    return filled


def spread_feed(target: Target, value: Any, types: Dependencies) -> dict[Slot, Any]:
    """The slots that a value given for a target fills.

    A node with several outputs takes its NamedTuple, or a mapping by port, for all or some of
    them; any other value is its first output.

    Raises:
        InputError: if the target cannot be given, the mapping names no port of the node, or a
            value is not what its port has.
    """
    filled = _spread(target, target.fed_slot(), value, types)
    for slot, part in filled.items():
        _check_value(slot, part, types)
    return filled


def _spread(target: Target, first: Slot, value: Any, types: Dependencies) -> dict[Slot, Any]:
    node = types.nodes.get(target.name)
    if node is None or len(node.outputs) < 2:
        return {first: value}
    ports = tuple(node.outputs)
    if isinstance(value, tuple) and getattr(value, "_fields", None) == ports:
        return dict(zip(node.slots, value, strict=True))
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        unknown = sorted(value.keys() - set(ports))
        if not unknown:
            return {Slot(node.path, port): part for port, part in value.items()}
        if value.keys() & set(ports) or not takes(node.outputs[ports[0]], value):
            listing = ", ".join(ports)
            raise InputError(f"'{node.path}' has no output '{unknown[0]}'; it has {listing}")
    return {first: value}


def _check_value(slot: Slot, value: Any, types: Dependencies) -> None:
    point = types.inputs.get(slot.path)
    if point is not None and point.slot == slot and (point.convert or point.optional):
        return  # it is converted when it is read, and then refused with the reason; or left out
    if misfit := describe_misfit(str(slot), types.type_of(slot), value):
        raise InputError(misfit)


def describe_misfit(name: str, wanted: Any, value: Any) -> str:
    """Why a value is not what a port has; an empty text if it is.

    Args:
        name: name of the port.
        wanted: its type.
        value: the value.
    """
    if takes(wanted, value):
        return ""
    kind, shown = type(value).__name__, describe(value)
    given = kind if shown in (kind, "nothing") else f"{kind} ({shown})"
    problem = f"'{name}' is {describe_type(wanted)}; a value of type {given} cannot be it"
    return problem + _suggest_wrapping(wanted, value)


def _suggest_wrapping(wanted: Any, value: Any) -> str:
    """How a bare tensor, or an object of one image, becomes a value for each image."""
    kind = plain(wanted)
    if get_origin(kind) is not list or isinstance(value, list):
        return ""
    inside = plain(get_args(kind)[0])
    name = getattr(inside, "__name__", "")
    if takes(inside, value):
        return ": put it into a list, one value for each image"
    if isinstance(value, Tensor) and inspect.isclass(inside) and name:
        return f": give one for each image, [{name}(tensor)]"
    return ""
