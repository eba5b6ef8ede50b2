"""A pickle reader that cannot run code.

A pickle is a program for a stack machine; the danger of the usual machine lies in three of its
instructions, which import any name, call it, and set any state. This machine has a closed
vocabulary instead: a name that is not in it is refused, nothing is ever imported or looked up on
an object, and what a call stands for is one of our own functions, which sees plain values only.

Sizes are claims until they are checked: no instruction makes this machine reserve memory for
bytes that the file does not have.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, cast

from composer.errors import CheckpointError
from composer.limits import Expansion, ExpansionError

# Only flat values are hashed: hashing a deeply nested tuple overflows the C stack.
_KEY_TYPES = (str, int, float, bytes, type(None))


@dataclass(frozen=True)
class Named:
    """A global that a pickle names: its name, never the object."""

    name: str


@dataclass(frozen=True)
class Vocabulary:
    """The globals that pickles of one kind may name.

    Attributes:
        holds: the allowed content, for messages.
        functions: global name -> what calling it stands for. None: it may be named, not called.
        restore: gives an object its state; raises `TypeError` for one that takes none.
        persistent: stands for an object outside of the pickle.
        constants: global name -> the value that it is.
        refused: global name -> what it would make, for messages.
    """

    holds: str
    functions: Mapping[str, Callable[..., object] | None]
    restore: Callable[[object, object], None]
    persistent: Callable[[object], object] | None = None
    constants: Mapping[str, object] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def as_key(value: object) -> Any:
    """`value`, if it may be the key of a dict or the element of a set.

    Raises:
        TypeError: it is a container or an object.
    """
    if not isinstance(value, _KEY_TYPES):
        raise TypeError(f"a {type(value).__name__} as a key")
    return value


MAX_DEPTH = 64
MAX_INSTRUCTIONS = 5_000_000
MAX_MARKS = 256
_NEWEST_PROTOCOL = 5
_LARGEST_INTEGER = 2**1024
# Python's hash of an integer is its remainder by this: of larger ones, any number can collide.
_HASH_MODULUS = sys.hash_info.modulus
_MAX_LARGE_INTEGERS = 2_000
_ITEM_BYTES = 100  # of an item in a container, about
_LITERALS = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
_RECALLS = ("GET", "BINGET", "LONG_BINGET")
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
# Reading from these, unlike from a file, reserves no more than there is.
ByteSource = mmap.mmap | io.BytesIO


class Unpickler:
    """Reads one pickle.

    Args:
        file: where to read, from its current position on.
        size: bytes in the whole file, against which claims are checked.
        vocabulary: the globals that the pickle may name.
        source: name of the file, for messages.
        expansion: counts what calls make; by default against `size`.
    """

    def __init__(
        self,
        file: ByteSource,
        *,
        size: int,
        vocabulary: Vocabulary,
        source: str,
        expansion: Expansion | None = None,
    ) -> None:
        self._file = file
        self._size = size
        self._vocabulary = vocabulary
        self._source = source
        self._expansion = expansion
        self._num_large_integers = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._recalled: frozenset[int] = frozenset()

    def load(self) -> object:
        """The value that the pickle describes; the file is left just after it.

        Raises:
            CheckpointError: it is damaged, too large or too deep, or names what is not allowed.
        """
        try:
            self._expansion = self._expansion or Expansion(self._source, self._size)
            self._recalled = self._find_recalled()
            for name, argument in self._instructions():
                if name not in self._INSTRUCTIONS:
                    raise self._refusal(f"the pickle instruction {name}")
                self._INSTRUCTIONS[name](self, argument)
            value = self._stack.pop()
            if self._stack or self._marked:
                raise ValueError("it ends with more than one value")
        except ExpansionError as error:
            raise CheckpointError(str(error)) from None
        except _DAMAGE as error:
            reason = "it uses what it never made" if isinstance(error, LookupError) else error
            raise CheckpointError(
                f"{self._source}: the pickle is truncated, damaged or hostile: {reason}."
            ) from error
        check_nesting(value, source=self._source)
        return value

    def _instructions(self) -> Iterator[tuple[str, Any]]:
        file = cast(IO[bytes], self._file)
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count >= MAX_INSTRUCTIONS:
                raise ValueError(f"it has more than {MAX_INSTRUCTIONS} instructions")
            if opcode.name == "STOP":
                return
            yield opcode.name, argument

    def _find_recalled(self) -> frozenset[int]:
        """Which memo entries are used. The others, all raw data among them, need not be kept."""
        start = self._file.tell()
        recalled = frozenset(index for name, index in self._instructions() if name in _RECALLS)
        self._file.seek(start)
        return recalled

    def _refusal(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self._source}: refused {what}: such a file may hold {self._vocabulary.holds} "
            "only, because anything else could run code while it is loaded. "
            "If you trust the file, save it again as safetensors where it was written."
        )

    def _push(self, value: object) -> None:
        if isinstance(value, int) and abs(value) >= _HASH_MODULUS:
            self._num_large_integers += 1
            if abs(value) > _LARGEST_INTEGER:
                raise ValueError("an integer of more than 1024 bits")
            if self._num_large_integers > _MAX_LARGE_INTEGERS:
                raise ValueError(f"more than {_MAX_LARGE_INTEGERS} integers of over 60 bits")
        self._stack.append(value)

    def _push_made(self, value: object) -> None:
        """Pushes what a call has made, which no instruction of the file has paid for."""
        cast(Expansion, self._expansion).add(_count_bytes(value))
        self._stack.append(value)

    def _pop_marked(self) -> list[Any]:
        items = self._stack
        self._stack = self._marked.pop()
        return items

    def _mark(self, _: None) -> None:
        if len(self._marked) >= MAX_MARKS:
            raise ValueError(f"it is nested more than {MAX_MARKS} deep")
        self._marked.append(self._stack)
        self._stack = []

    def _pop(self, _: None) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_marked()

    def _wrap(self, count: int) -> None:
        if len(self._stack) < count:
            raise ValueError("a tuple of more than there is")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _top(self, *types: type) -> Any:
        if type(self._stack[-1]) not in types:
            raise TypeError(f"an item put into a {type(self._stack[-1]).__name__}")
        return self._stack[-1]

    def _append(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict, OrderedDict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if as_key(key) in target:
                raise ValueError(f"the key {key!r:.80} twice")
            target[key] = value

    def _add_items(self, _: None) -> None:
        items = [as_key(item) for item in self._pop_marked()]
        self._top(set).update(items)

    def _make_dict(self, _: None) -> None:
        items = self._pop_marked()
        self._stack.append({})
        self._set_items(items)

    def _remember(self, index: int | None) -> None:
        index = len(self._memo) if index is None else index
        self._memo[index] = self._stack[-1] if index in self._recalled else None

    def _name(self, module: object, name: object) -> None:
        full = f"{module}.{name}"
        if full in self._vocabulary.constants:
            self._stack.append(self._vocabulary.constants[full])
            return
        if (what := self._vocabulary.refused.get(full)) is not None:
            raise CheckpointError(
                f"{self._source}: refused {what}: only {self._vocabulary.holds} are read."
            )
        if full not in self._vocabulary.functions:
            raise self._refusal(f"the global '{full:.200}'")
        self._stack.append(Named(full))

    def _name_from_stack(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise TypeError("a global whose name is no text")
        self._name(module, name)

    def _name_instance(self, argument: str) -> None:
        self._name(*argument.split(" ", 1))
        raise self._refusal(f"an instance of '{argument}'")

    def _call(self, _: None) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if type(function) is not Named or type(arguments) is not tuple:
            raise self._refusal(f"a call of a {type(function).__name__}")
        stands_for = self._vocabulary.functions[function.name]
        if stands_for is None:
            raise self._refusal(f"a call of '{function.name}'")
        self._push_made(stands_for(*arguments))

    def _build(self, _: None) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if type(target) is OrderedDict:
            # torch keeps the versions of modules in an attribute of a state dict.
            if type(state) is not dict or set(state) != {"_metadata"}:
                raise self._refusal("attributes set on an OrderedDict")
            return
        self._vocabulary.restore(target, state)
        cast(Expansion, self._expansion).add(_count_bytes(target))

    def _persistent(self, identifier: object) -> None:
        if self._vocabulary.persistent is None:
            raise self._refusal("an object stored outside of the pickle")
        self._stack.append(self._vocabulary.persistent(identifier))

    def _check_frame(self, length: int) -> None:
        if length > self._size - self._file.tell():
            raise ValueError(f"a frame of {length} bytes, more than the file has")

    def _check_protocol(self, protocol: int) -> None:
        if protocol > _NEWEST_PROTOCOL:
            raise ValueError(f"it has protocol {protocol}, and {_NEWEST_PROTOCOL} is the newest")

    _INSTRUCTIONS: ClassVar[dict[str, Callable[[Unpickler, Any], None]]] = {
        **dict.fromkeys(_LITERALS, _push),
        "NONE": lambda self, _: self._stack.append(None),
        "NEWTRUE": lambda self, _: self._stack.append(True),
        "NEWFALSE": lambda self, _: self._stack.append(False),
        "EMPTY_LIST": lambda self, _: self._stack.append([]),
        "EMPTY_DICT": lambda self, _: self._stack.append({}),
        "EMPTY_TUPLE": lambda self, _: self._stack.append(()),
        "EMPTY_SET": lambda self, _: self._stack.append(set()),
        "MARK": _mark,
        "POP": _pop,
        "POP_MARK": lambda self, _: self._pop_marked().clear(),
        "DUP": lambda self, _: self._stack.append(self._stack[-1]),
        "LIST": lambda self, _: self._push(self._pop_marked()),
        "TUPLE": lambda self, _: self._push(tuple(self._pop_marked())),
        "DICT": _make_dict,
        "FROZENSET": lambda self, _: self._push(frozenset(map(as_key, self._pop_marked()))),
        "TUPLE1": lambda self, _: self._wrap(1),
        "TUPLE2": lambda self, _: self._wrap(2),
        "TUPLE3": lambda self, _: self._wrap(3),
        "APPEND": lambda self, _: self._append([self._stack.pop()]),
        "APPENDS": lambda self, _: self._append(self._pop_marked()),
        "SETITEM": lambda self, _: self._set_items([self._stack.pop() for _ in "kv"][::-1]),
        "SETITEMS": lambda self, _: self._set_items(self._pop_marked()),
        "ADDITEMS": _add_items,
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
        **dict.fromkeys(_RECALLS, lambda self, index: self._stack.append(self._memo[index])),
        "GLOBAL": lambda self, argument: self._name(*argument.split(" ", 1)),
        "STACK_GLOBAL": _name_from_stack,
        "INST": _name_instance,
        "REDUCE": _call,
        "NEWOBJ": _call,
        "BUILD": _build,
        "PERSID": _persistent,
        "BINPERSID": lambda self, _: self._persistent(self._stack.pop()),
        "FRAME": _check_frame,
        "PROTO": _check_protocol,
    }


def _count_bytes(value: object) -> int:
    """The memory that a value takes, about."""
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return _ITEM_BYTES * (1 + len(value))
    if isinstance(value, (str, bytes, bytearray)):
        return _ITEM_BYTES + len(value)
    return _ITEM_BYTES + int(getattr(value, "nbytes", 0))


def check_nesting(root: object, *, source: str, max_walk: int | None = None) -> None:
    """Refuses a value that contains itself, or that is nested too deep to be walked safely.

    Walks without recursion. A container that occurs in several places is fine.

    Args:
        root: the value.
        source: name of the file, for messages.
        max_walk: the most items that a walk may meet that enters a container wherever it occurs.

    Raises:
        CheckpointError: as said.
    """
    depths: dict[int, int] = {}
    lengths: dict[int, int] = {}
    ancestors: set[int] = set()
    pending = [(root, False)]
    while pending:
        value, is_walked = pending.pop()
        children = _containers_in(value)
        if is_walked:
            ancestors.discard(id(value))
            depth = 1 + max((depths[id(child)] for child in children), default=0)
            if depth > MAX_DEPTH:
                raise CheckpointError(f"{source}: refused: nested more than {MAX_DEPTH} deep.")
            length = 1 + len(children) + sum(lengths[id(child)] for child in children)
            if max_walk is not None and length > max_walk:
                raise CheckpointError(f"{source}: refused: one container in too many places.")
            depths[id(value)], lengths[id(value)] = depth, length
        elif id(value) in ancestors:
            raise CheckpointError(f"{source}: refused: a container that contains itself.")
        elif id(value) not in depths:
            ancestors.add(id(value))
            pending.append((value, True))
            pending.extend((child, False) for child in children)


def check_names(root: object, *, source: str) -> None:
    """Refuses dicts in which two keys are one name, such as 1 and "1".

    Args:
        root: a value that `check_nesting` has passed.
        source: name of the file, for messages.

    Raises:
        CheckpointError: as said.
    """
    seen: set[int] = set()
    pending = [root]
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        pending.extend(_containers_in(value))
        if isinstance(value, dict) and not all(type(key) is str for key in value):
            names = {key if isinstance(key, str) else str(key) for key in value}
            if len(names) != len(value):
                raise CheckpointError(
                    f"{source}: refused: two keys of a dict are one as text (1 and '1'); names "
                    "are text."
                )


def _containers_in(value: object) -> list[object]:
    children: Collection[object] = ()
    if isinstance(value, dict):
        children = dict.values(value)
    elif isinstance(value, (list, tuple)):
        children = value
    return [child for child in children if isinstance(child, (dict, list, tuple))]
