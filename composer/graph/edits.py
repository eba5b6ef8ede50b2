"""Edits: functions that change values of a run right after they were computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn

from composer.blueprint import AddressBook, Dependencies, Slot
from composer.errors import ComposerError, ExecutionError, InputError, NameResolutionError
from composer.escapes import describe_error
from composer.executor import seeded_generator
from composer.graph.inputs import convert_input, describe_misfit
from composer.graph.named_values import NamedValue, find_named_value
from composer.language import Mode
from composer.structures import iterate_tensors
from composer.values import copy_value
from composer.worker_death import is_worker_death

EditFunction = Callable[..., Any]


class PlacedEdit(Protocol):
    """An edit that depends on the value that it is for."""

    def edit_at(self, name: str) -> EditFunction:
        """The function for a value, by its full name."""


GivenEdit = EditFunction | PlacedEdit | Sequence[EditFunction | PlacedEdit]


@dataclass(frozen=True, eq=False)  # given a second time, the function may do something else
class Edit:
    """A function for one value.

    Args:
        place: the value.
        function: gets a copy of the value, and gives another of the same type.
        draws: whether it takes a `generator`, too, which is seeded from the run's seed.
    """

    place: NamedValue
    function: EditFunction
    draws: bool = False


Edits = Mapping[Slot, tuple[Edit, ...]]  # of each slot in the order in which they are applied
NO_EDITS: Mapping[Slot, Any] = {}  # a plain dict, which torch.compile follows; nothing fills it


def read_edits(edits: Any, book: AddressBook, types: Dependencies) -> Edits:
    """Edits by slot.

    Args:
        edits: functions by the name of a node, a port, an input, or a map of one of them.
        book: the names of the mode.
        types: the nodes and slots of the mode.

    Raises:
        NameResolutionError: if a name means nothing or several things.
        InputError: if they are no functions by name, or something cannot be edited.
    """
    if not isinstance(edits, Mapping):
        kind = type(edits).__name__
        raise InputError(f"edits are functions by the name of a node or port, not {kind}")
    if not edits:
        return NO_EDITS
    return group_edits(
        e for name, given in edits.items() for e in read_edit(name, given, book, types)
    )


def read_edits_by_mode(
    edits: Any, names: Mapping[Mode, tuple[AddressBook, Dependencies]]
) -> dict[Mode, Edits]:
    """Edits of each mode; a name need mean something in one of the modes only.

    Args:
        edits: as for `read_edits`.
        names: the names, nodes and slots of each mode, the one whose messages are raised first.
    """
    found: dict[Mode, list[Edit]] = {mode: [] for mode in names}
    if not isinstance(edits, Mapping):
        read_edits(edits, *next(iter(names.values())))
    for name, function in edits.items():
        failures: list[NameResolutionError] = []
        for mode, (book, types) in names.items():
            try:
                found[mode] += read_edit(name, function, book, types)
            except NameResolutionError as error:
                failures.append(error)
        if len(failures) == len(names):
            raise failures[0]
    return {mode: group_edits(each) for mode, each in found.items()}


def read_edit(name: Any, given: Any, book: AddressBook, types: Dependencies) -> tuple[Edit, ...]:
    """The edits of one name: see `read_edits`.

    Args:
        name: the name.
        given: a function, or a list of functions that are applied in their order.
        book: the names of the mode.
        types: the nodes and slots of the mode.
    """
    place = find_named_value(name, book, types)
    edits: list[Edit] = []
    for function in given if isinstance(given, (list, tuple)) else [given]:
        placed = getattr(function, "edit_at", None)
        chosen = placed(str(place)) if callable(placed) else function
        if not callable(chosen):
            raise InputError(
                f"the edit of '{place}' is of type {type(function).__name__}, and not a function "
                "of the value; to give a value in place of the computed one, feed it"
            )
        edits.append(Edit(place, chosen, _takes_generator(chosen)))
    return tuple(edits)


def refuse_edits(edited: Iterable[Slot], given: Collection[Slot]) -> None:
    """Makes sure that no value is edited that is given in place of the computed one.

    Raises:
        InputError: if one is.
    """
    if both := [str(slot) for slot in edited if slot in given]:
        raise InputError(
            f"'{both[0]}' is given and edited, and an edit is for what is computed: give the "
            "edited value"
        )


def group_edits(edits: Iterable[Edit]) -> Edits:
    """Edits by slot, in their order."""
    grouped: dict[Slot, tuple[Edit, ...]] = {}
    for edit in edits:
        grouped[edit.place.slot] = (*grouped.get(edit.place.slot, ()), edit)
    return grouped


def join_edits(first: Edits, second: Edits) -> Edits:
    """Edits of both, of which the first are applied first."""
    if not first or not second:
        return first or second
    return group_edits([e for edits in (first, second) for each in edits.values() for e in each])


def draws_any(edits: Edits) -> bool:
    """Whether an edit takes a generator."""
    return any(edit.draws for each in edits.values() for edit in each)


def bind_edits(edits: Edits, types: Dependencies, seed: int) -> dict[Slot, Callable[[Any], Any]]:
    """Functions of the values alone, by slot.

    Args:
        edits: the edits.
        types: the nodes and slots of the mode.
        seed: the run's seed.
    """
    return {slot: partial(apply_edits, each, types, seed) for slot, each in edits.items()}


def apply_edits(edits: Iterable[Edit], types: Dependencies, seed: int, value: Any) -> Any:
    """What the edits of one slot make of its value, which stays as it is.

    Args:
        edits: the edits.
        types: the nodes and slots of the mode.
        seed: the run's seed.
        value: the value.

    Raises:
        ExecutionError: if an edit fails, or gives what is no value of the port.
    """
    for index, edit in enumerate(edits):
        value = edit.place.put(_call(edit, index, types, seed, value), value)
    return value


def _call(edit: Edit, index: int, types: Dependencies, seed: int, whole: Any) -> Any:
    place = edit.place
    try:
        value = copy_value(place.read(whole))
        drawing = {"generator": _make_generator(edit, index, seed, value)} if edit.draws else {}
        result = edit.function(value, **drawing)
        return _check(edit, types, result)
    except Exception as error:
        if is_worker_death(error):  # which a signal reports in the middle of anything
            raise
        reason = str(error) if isinstance(error, ComposerError) else describe_error(error)
        message = f"the edit of '{place}'{_describe_node(place.slot, types)} failed: {reason}"
        raise ExecutionError(place.slot.path, message) from error


def _check(edit: Edit, types: Dependencies, result: Any) -> Any:
    """The result of an edit as a value of its port.

    Raises:
        InputError: if it is none.
    """
    slot, member = edit.place.slot, edit.place.member
    point = types.inputs.get(slot.path)
    if point is not None and point.slot == slot and not member:
        result = convert_input(point, result)
    misfit = describe_misfit(str(edit.place), edit.place.type_in(types), result)
    if not misfit:
        return result
    if result is None:
        misfit = "it returned nothing; return the value, which may be the one given, changed"
    raise InputError(misfit)


def _make_generator(edit: Edit, index: int, seed: int, value: Any) -> torch.Generator:
    devices = [tensor.device for tensor in iterate_tensors(value)] or [torch.device("cpu")]
    return seeded_generator(devices[0], seed, f"{edit.place}/edit {index}")


def _describe_node(slot: Slot, types: Dependencies) -> str:
    node = types.nodes.get(slot.path)
    return "" if node is None else f" ({node.label or node.type_name})"


def _takes_generator(function: EditFunction) -> bool:
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        found = inspect.signature(called).parameters.get("generator")
    except (TypeError, ValueError):  # of some built-in functions there is no signature
        return False
    return found is not None and found.default in (inspect.Parameter.empty, None)
