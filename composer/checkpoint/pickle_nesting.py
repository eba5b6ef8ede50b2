"""How deep the containers of a pickle are nested, from its instructions alone.

The machine itself would first make a million lists, each in the next one, and then find that they
are too many. This walk makes none. It may miss depth that comes by way of the memo or of calls;
what the machine has made is checked as well (`check_nesting`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from composer.checkpoint.nesting import MAX_DEPTH


class NestingWatch:
    """Follows the depths of the values on the stack: 0 of a plain value, 1 of an empty list."""

    def __init__(self) -> None:
        self._depths: list[int] = []
        self._marks: list[int] = []

    def follow(self, name: str) -> None:
        """Takes the next instruction.

        Raises:
            ValueError: containers are nested too deep.
        """
        step = self._STEPS.get(name, NestingWatch._push_plain)
        try:
            step(self)
        except LookupError:  # it takes what is not there; the machine says which
            self._depths.append(0)

    def _push(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
        self._depths.append(depth)

    def _take(self, count: int) -> int:
        """Takes values off the stack; the depth of a container with them inside."""
        deepest = max(self._depths[-count:], default=0)
        del self._depths[-count:]
        return 1 + deepest

    def _take_marked(self) -> int:
        start = self._marks.pop()
        deepest = max(self._depths[start:], default=0)
        del self._depths[start:]
        return 1 + deepest

    def _put(self, depth: int) -> None:
        """Puts what was taken into the container on the top."""
        self._push(max(self._depths.pop(), depth))

    def _push_plain(self) -> None:
        """The effect of all instructions that are not listed."""
        self._depths.append(0)

    def _stay(self) -> None:
        """Nothing changes on the stack."""

    def _mark(self) -> None:
        self._marks.append(len(self._depths))

    def _pop(self) -> None:
        if self._marks and self._marks[-1] == len(self._depths):
            self._marks.pop()
        else:
            self._depths.pop()

    def _replace(self, count: int) -> None:
        self._take(count)
        self._depths.append(0)

    def _replace_marked(self) -> None:
        self._take_marked()
        self._depths.append(0)

    _STEPS: ClassVar[dict[str, Callable[[NestingWatch], object]]] = {
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "PROTO", "FRAME"), _stay),
        **dict.fromkeys(("EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE"), lambda self: self._push(1)),
        "MARK": _mark,
        "POP": _pop,
        "POP_MARK": _take_marked,
        "DUP": lambda self: self._push(self._depths[-1]),
        **dict.fromkeys(
            ("LIST", "TUPLE", "DICT"), lambda self: self._push(self._take_marked())
        ),
        "TUPLE1": lambda self: self._push(self._take(1)),
        "TUPLE2": lambda self: self._push(self._take(2)),
        "TUPLE3": lambda self: self._push(self._take(3)),
        "APPEND": lambda self: self._put(self._take(1)),
        "SETITEM": lambda self: self._put(self._take(2)),
        **dict.fromkeys(("APPENDS", "SETITEMS"), lambda self: self._put(self._take_marked())),
        "ADDITEMS": _take_marked,
        "BUILD": lambda self: self._take(1),
        **dict.fromkeys(("INST", "OBJ", "FROZENSET"), _replace_marked),
        **dict.fromkeys(("REDUCE", "NEWOBJ", "STACK_GLOBAL"), lambda self: self._replace(2)),
        "NEWOBJ_EX": lambda self: self._replace(3),
        "BINPERSID": lambda self: self._replace(1),
    }  # fmt: skip
