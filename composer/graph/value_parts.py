"""The language of parts of values: `detections.scores[0][3]`, `backbone.p3`, `masks[0][2].mean()`.

A part is a name of the graph and steps into its value: entries of lists, fields, levels, indices of
tensors, and at the end perhaps a reduction. Indices count from 0, negative ones from the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from composer.blueprint import AddressBook, Target
from composer.errors import InputError, NameResolutionError
from composer.graph.value_steps import REDUCTIONS, Entry, Field, Index, Reduction, Step, take
from composer.names import did_you_mean
from composer.structures import Instances, iterate_tensors
from composer.values import describe

_STEP = re.compile(r"\.(?P<call>\w+)\(\)|\.(?P<field>[\w-]+)|\[(?P<index>[^\[\]]*)\]")
_NUMBER = re.compile(r"[+-]?\d+")
_SLICE = re.compile(r"([+-]?\d*)\s*:\s*([+-]?\d*)")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


@dataclass(frozen=True)
class ValuePart:
    """A part of a value that a graph computes.

    Args:
        text: as written.
        target: whose value.
        steps: from the value to the part.
        failure: why the text is no name of the graph as a whole; None if no field was split off.
    """

    text: str
    target: Target
    steps: tuple[Step, ...]
    failure: NameResolutionError | None = None

    def find(self, value: Any, limit: int | None = None) -> Any:
        """The part of a value.

        Args:
            value: the value of the target.
            limit: how many steps to take; all by default.

        Raises:
            InputError: there is no such entry, or a step does not fit what is there.
            NameResolutionError: there is no such field.
        """
        reached = self.target.name
        for number, step in enumerate(self.steps[:limit]):
            unknown = self.failure if number == 0 else None
            value = take(value, step, reached, unknown)
            reached += str(step)
        return value

    def read_scalar(self, value: Any) -> Tensor:
        """The part as one number that can be differentiated.

        Args:
            value: the value of the target.

        Raises:
            InputError: it is not one number, or a whole one; or as for `find`.
            NameResolutionError: as for `find`.
        """
        found = self.find(value)
        if not isinstance(found, Tensor) or found.numel() != 1:
            few = isinstance(found, Tensor) and found.numel() == 0
            hint = "" if few else f". {_suggest_scalar(found)}"
            raise InputError(f"'{self.text}' is {describe(found)}, not one number{hint}")
        if not found.is_floating_point():
            kind = str(found.dtype).removeprefix("torch.")
            raise InputError(
                f"'{self.text}' is a whole number ({kind}), which has no gradient"
                if kind != "bool"
                else f"'{self.text}' is true or false, which has no gradient"
            )
        return found.reshape(())


def parse_part(text: str, book: AddressBook) -> ValuePart:
    """Reads the text of a part.

    Args:
        text: a name of the graph, and steps into its value.
        book: the names of the mode.

    Raises:
        NameResolutionError: it names nothing of the graph, or several things.
        InputError: a step cannot be read.
    """
    if not isinstance(text, str):
        raise InputError(f"a part of a value is named by a text, not {type(text).__name__}")
    name, steps = _split(text)
    tap = ":" in name
    given: NameResolutionError | None = None
    while True:
        try:
            return ValuePart(text, book.resolve(name), tuple(steps), given)
        except NameResolutionError as error:
            given = given or error
            name, dot, field = name.rpartition(".")
            if tap or not dot or not name:
                raise given from None
            steps = [Field(field), *steps]


def _split(text: str) -> tuple[str, list[Step]]:
    """The name, which ends at the first bracket or call, and the steps after it."""
    end = text.find("[")
    call = re.search(r"\.\w+\(\)", text)
    if call is not None and (end < 0 or call.start() < end):
        end = call.start()
    name, rest = (text, "") if end < 0 else (text[:end], text[end:])
    steps: list[Step] = []
    place = 0
    while place < len(rest):
        found = _STEP.match(rest, place)
        if found is None:
            raise InputError(
                f"'{text}' cannot be read from '{rest[place:]}' on; the form is "
                "name[0][3], name[0].field[3, 1:4] or name[0].sum()"
            )
        steps.append(_make_step(text, found))
        place = found.end()
    if any(isinstance(step, Reduction) for step in steps[:-1]):
        raise InputError(f"'{text}': nothing comes after a number, which a reduction gives")
    return name.strip(), steps


def _make_step(text: str, found: re.Match[str]) -> Step:
    if (name := found["call"]) is not None:
        if name not in REDUCTIONS:
            hint = did_you_mean(name, REDUCTIONS, "reductions")
            raise InputError(f"'{text}': there is no reduction '{name}()'. {hint}")
        return Reduction(name)
    if found["field"] is not None:
        return Field(found["field"])
    parts = [part.strip() for part in found["index"].split(",")]
    return Entry(tuple(_read_index(text, part) for part in parts), found["index"])


def _read_index(text: str, part: str) -> Index:
    if _NUMBER.fullmatch(part):
        return int(part)
    if found := _SLICE.fullmatch(part):
        begin, end = (int(number) if number else None for number in found.groups())
        return slice(begin, end)
    if found := _QUOTED.fullmatch(part):
        return found[1] or found[2] or ""
    if part and ":" not in part:
        return part
    raise InputError(f"'{text}': '[{part}]' is no index; one is a number, a range a:b, or a key")


def _suggest_scalar(value: Any) -> str:
    if isinstance(value, Tensor):
        zeros = ", ".join("0" for _ in value.shape)
        return f"Add an index such as [{zeros}], or .sum(), .mean(), .max() or .min()"
    if isinstance(value, Mapping):
        return f"Name one of {', '.join(map(str, value))}"
    if isinstance(value, Instances):
        return f"Name a field: {', '.join(f'.{name}' for name in value.get_fields())}"
    if isinstance(value, Sequence):
        return f"Add an index, from 0 to {len(value) - 1}" if len(value) else "It is empty"
    return "It is no tensor" if next(iterate_tensors(value), None) is None else "Name its .tensor"
