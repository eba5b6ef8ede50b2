"""A pickle reader that cannot run code.

A pickle is a program for a stack machine; the danger of the usual machine lies in three of its
instructions, which import any name, call it, and set any state. This machine has a closed
vocabulary instead: a name that is not in it is refused or becomes a placeholder, nothing is ever
imported or looked up on an object, and what a call stands for is one of our own functions, which
sees plain values only.

Sizes are claims until they are checked: no instruction makes this machine reserve memory for
bytes that the file does not have.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, cast

from composer.checkpoint.nesting import check_nesting
from composer.checkpoint.pickle_nesting import NestingWatch
from composer.checkpoint.placeholders import Placeholder, may_stand_in
from composer.errors import CheckpointError
from composer.garbage_collection import paused_collection
from composer.limits import Expansion, ExpansionError

# Only flat values are hashed: hashing a deeply nested tuple overflows the C stack.
_KEY_TYPES = (str, int, float, bytes, type(None))
_DEEPEST_KEY = 8
_UNHASHABLE = (dict, list, set, bytearray)


@dataclass(frozen=True)
class Named:
    """A global that a pickle names: its name, never the object.

    Attributes:
        name: with its module.
        is_unknown: the vocabulary lacks it; what it makes is a placeholder.
    """

    name: str
    is_unknown: bool = False


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
        has_placeholders: whether placeholders stand for the objects of unknown classes.
    """

    holds: str
    functions: Mapping[str, Callable[..., object] | None]
    restore: Callable[[object, object], None]
    persistent: Callable[[object], object] | None = None
    constants: Mapping[str, object] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    has_placeholders: bool = False


def as_key(value: object) -> Any:
    """`value`, if it may be the key of a dict or the element of a set.

    Raises:
        TypeError: it is a container or an object.
    """
    if not isinstance(value, _KEY_TYPES):
        raise TypeError(f"a {type(value).__name__} as a key")
    return value


def as_inert_key(value: object) -> Any:
    """`value`, if it is plain; else a placeholder, so that neither objects nor tuples are hashed.

    Raises:
        TypeError: it is a container that can be no key, or nested deeper than any key.
    """
    if isinstance(value, (*_KEY_TYPES, *_UNHASHABLE)) or _is_deep(value):
        return as_key(value)
    return value if type(value) is Placeholder else Placeholder(type(value).__name__)


def _is_deep(value: object) -> bool:
    """Whether tuples are nested deeper than any program nests them in a key."""
    level = [value]
    for _ in range(_DEEPEST_KEY):
        tuples = {id(each): each for each in level if type(each) is tuple}
        level = [item for each in tuples.values() for item in each]
    return any(type(each) is tuple for each in level)


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

    @paused_collection()
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
        start, watch = self._file.tell(), NestingWatch()
        recalled = set()
        for name, argument in self._instructions():
            watch.follow(name)
            if name in _RECALLS:
                recalled.add(argument)
        self._file.seek(start)
        return frozenset(recalled)

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
        if type(self._stack[-1]) is not Placeholder:
            self._top(list).extend(items)

    def _set_items(self, items: list[Any]) -> None:
        if type(self._stack[-1]) is Placeholder:
            return
        target = self._top(dict, OrderedDict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            key = self._as_key(key)
            if key in target:
                raise ValueError(f"the key {key!r:.80} twice")
            target[key] = value

    def _as_key(self, value: object) -> Any:
        return as_inert_key(value) if self._vocabulary.has_placeholders else as_key(value)

    def _add_items(self, _: None) -> None:
        items = self._pop_marked()
        if type(self._stack[-1]) is not Placeholder:
            self._top(set).update(map(self._as_key, items))

    def _make_dict(self, _: None) -> None:
        items = self._pop_marked()
        self._stack.append({})
        self._set_items(items)

    def _remember(self, index: int | None) -> None:
        index = len(self._memo) if index is None else index
        self._memo[index] = self._stack[-1] if index in self._recalled else None

    def _name(self, module: object, name: object) -> None:
        full = f"{module}.{name}"  # of text in the memo: long names cost more than the file
        cast(Expansion, self._expansion).add(_ITEM_BYTES + len(full))
        if full in self._vocabulary.constants:
            self._stack.append(self._vocabulary.constants[full])
            return
        if (what := self._vocabulary.refused.get(full)) is not None:
            raise CheckpointError(
                f"{self._source}: refused {what}: only {self._vocabulary.holds} are read."
            )
        is_unknown = full not in self._vocabulary.functions
        if is_unknown and not (
            self._vocabulary.has_placeholders and may_stand_in(f"{module}", f"{name}")
        ):
            raise self._refusal(f"the global '{full:.200}'")
        self._stack.append(Named(full, is_unknown))

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
        is_placeholder = type(function) is Placeholder or getattr(function, "is_unknown", False)
        if type(arguments) is tuple and is_placeholder:
            self._push_made(Placeholder(function.name))
            return
        if type(function) is not Named or type(arguments) is not tuple:
            raise self._refusal(f"a call of a {type(function).__name__}")
        stands_for = self._vocabulary.functions[function.name]
        if stands_for is None:
            raise self._refusal(f"a call of '{function.name}'")
        self._push_made(stands_for(*arguments))

    def _call_with_names(self, _: None) -> None:
        """A call with keyword arguments, which nothing in a vocabulary takes."""
        if type(self._stack.pop()) is not dict or not getattr(self._stack[-2], "is_unknown", False):
            raise self._refusal("a call with keyword arguments")
        self._call(None)

    def _build(self, _: None) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if type(target) is Placeholder:
            target.restore(state)
            return
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
        "FROZENSET": lambda self, _: self._push(frozenset(map(self._as_key, self._pop_marked()))),
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
        "NEWOBJ_EX": _call_with_names,
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
