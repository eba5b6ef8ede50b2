"""Binds what a user gives to the inputs of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composer.blueprint import GraphInput, Plan, Slot
from composer.errors import InputError
from composer.node import describe_type


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
    if len(positional) > len(names):
        raise InputError(
            f"{len(positional)} inputs were given; the graph takes: {_listing(inputs)}"
        )
    given = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in inputs:
            raise InputError(f"there is no input '{name}'; the graph takes: {_listing(inputs)}")
        if name in given:
            raise InputError(f"the input '{name}' was given twice")
        given[name] = value
    return {name: value for name, value in given.items() if value is not None}


def read_inputs(
    inputs: Mapping[str, GraphInput],
    plan: Plan,
    given: Mapping[str, Any],
    fed: Mapping[Slot, Any] | None = None,
) -> dict[Slot, Any]:
    """The values of the input slots that a plan reads.

    Args:
        inputs: the graph's inputs in the mode of the plan.
        plan: the plan.
        given: values by input name.
        fed: values by slot that are there already, inputs among them.

    Raises:
        InputError: if an input is missing or of the wrong kind.
    """
    values: dict[Slot, Any] = {}
    fed = fed or {}
    for name, point in inputs.items():
        if name in plan.inputs:
            if name not in given and not point.optional:
                raise InputError(_missing(point, plan))
            whole = _coerce(point, given.get(name))
        elif point.slot in fed:
            whole = values[point.slot] = _coerce(point, fed[point.slot])
        else:
            continue
        for slot in plan.input_slots:
            if slot == point.slot:
                values[slot] = whole
            elif slot.path == name and slot.port in point.parts:
                values[slot] = _part(point, whole, slot.port)
    return values


def _is_by_name(value: Any, inputs: Mapping[str, GraphInput]) -> bool:
    return isinstance(value, Mapping) and value.keys() <= inputs.keys()


def _coerce(point: GraphInput, value: Any) -> Any:
    """The value as its port type; a type with `from_records` accepts more than itself."""
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
    reader = f" for {', '.join(dict.fromkeys(readers))}" if readers else ""
    kind = describe_type(point.type)
    return f"the input '{point.name}' ({kind}) is wanted{reader}; give it, or feed what needs it"


def _listing(inputs: Mapping[str, GraphInput]) -> str:
    shown = [f"{p.name} ({describe_type(p.type)})" for p in inputs.values()]
    return ", ".join(shown) or "nothing"
