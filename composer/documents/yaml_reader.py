"""Reads YAML into located values.

Three things differ from a plain `yaml.safe_load`: every value keeps its place, scalars follow the
core schema of YAML 1.2 (so `no` is a word and `1e-5` a number), and `${name}` may stand unquoted
inside `{...}`. Tags are refused: nothing in a spec builds an object.

The events of the parser become values one by one, without recursion, so that depth and number of
values are limited while they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import yaml

from composer.documents.characters import describe_forbidden, find_forbidden, join_surrogates
from composer.documents.located import MAX_DEPTH, Located
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.documents.yaml_scalars import read_scalar
from composer.errors import SpecError

MAX_BYTES = 16 * 2**20  # of a file; ten thousand nodes take 2 MB
_MAX_VALUES = 500_000
_MAX_REPEATED = 100_000  # of those, what aliases repeat
_MAX_CACHED = 100_000  # characters; longer texts are rarely read twice
_MAX_REREAD = 100_000  # characters; see `_build`
_NO_WORD = "a key must be a plain word"
_TOO_LARGE = "the document is too large, too deep, or refers to itself"

_REFERENCE = re.compile(r"\$\{([^{}\n]*)\}")
_PRIVATE_USE = range(0xE000, 0xF900)

_TAGS = {None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))}
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml, ten times as fast


def read_yaml(text: str, source: str, log: ProblemLog) -> Located:
    """Parses one YAML document.

    Args:
        text: the document.
        source: its name in messages.
        log: takes duplicate keys and tags; what they stand at is left out or marked as faulty.

    Raises:
        SpecError: for syntax errors and for documents beyond the limits.
    """
    read = _read_again if len(text) <= _MAX_CACHED else _read
    root, noted = read(text, source)
    log.update(noted)
    return root


def _read(text: str, source: str) -> tuple[Located, ProblemLog]:
    """The values of a document, and what was noted about them."""
    if len(text) > MAX_BYTES:
        raise SpecError([Problem(Place(source, 1, 1), _TOO_LARGE)])
    text = text.removeprefix("\ufeff")
    if (position := find_forbidden(text)) is not None:
        place = _place_of_character(text, position, source)
        raise SpecError([Problem(place, describe_forbidden(text[position]))])
    # The braces of `${name}` are swapped for single characters before YAML sees them (it takes
    # braces for flow mappings) and swapped back in every scalar; one for one, so that columns stay
    # right.
    unused = (chr(code) for code in _PRIVATE_USE if chr(code) not in text)
    braces = {next(unused, "{"): "{", next(unused, "}"): "}"}
    opening, closing = braces
    masked = _REFERENCE.sub(rf"${opening}\1{closing}", text)
    lines = text.splitlines()
    try:
        return _build(masked, lines, source, braces)
    except yaml.MarkedYAMLError as error:
        raise SpecError([_describe_syntax(error, lines, source, braces)]) from None


_read_again = lru_cache(maxsize=64)(_read)  # a model's documents are read for every graph of it


def _build(
    text: str, lines: list[str], source: str, braces: Mapping[str, str]
) -> tuple[Located, ProblemLog]:
    try:
        return _Builder(lines, source, braces).build(yaml.parse(text, Loader=_FAST))
    except (yaml.YAMLError, UnicodeError):
        if len(text) > _MAX_REREAD:
            raise
    # The pure parser has better messages, and reads characters that JSON escapes as surrogates.
    return _Builder(lines, source, braces).build(yaml.parse(text, Loader=yaml.SafeLoader))


def _place_of_character(text: str, position: int, source: str) -> Place:
    before = text[:position].splitlines(keepends=True) or [""]
    if before[-1].endswith(("\n", "\r")):
        before.append("")
    line = text.splitlines()[len(before) - 1]
    return Place(source, len(before), len(before[-1]) + 1, 1, line)


def _find_place(lines: list[str], source: str, start: Any, end: Any) -> Place:
    line, column = start.line, start.column
    text = lines[line] if line < len(lines) else ""
    stop = end.column if end.line == line else len(text)
    return Place(source, line + 1, column + 1, max(1, stop - column), text)


def _describe_syntax(
    error: yaml.MarkedYAMLError, lines: list[str], source: str, braces: Mapping[str, str]
) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = ": ".join(part for part in (error.context, error.problem) if part)
    begun = error.context_mark
    if begun is not None and mark is not None and begun.line != mark.line:
        what += f" (it begins at line {begun.line + 1})"
    place = Place(source, 1, 1) if mark is None else _find_place(lines, source, mark, mark)
    for mask, brace in braces.items():
        what = what.replace(mask, brace)
    return Problem(place, f"not valid YAML: {what}")


class _Open:
    """A mapping or a list whose end has not been read.

    Args:
        event: the event of its start.
        before: the number of values before it.
        is_key: whether it stands in the place of a key.
    """

    __slots__ = ("before", "event", "is_key", "items", "key", "key_places", "members", "skips")

    def __init__(self, event: Any, before: int, is_key: bool) -> None:
        self.event, self.before, self.is_key = event, before, is_key
        self.members: list[Located] | None = None
        self.items: dict[str, Located] = {}
        self.key_places: dict[str, Place] = {}
        self.key: str | None = None  # the one whose value comes next
        self.skips = False  # whether the value that comes next is left out
        if isinstance(event, yaml.SequenceStartEvent):
            self.members = []


class _Builder:
    """Makes values of events; `open` are the collections around the next value."""

    def __init__(self, lines: list[str], source: str, braces: Mapping[str, str]) -> None:
        self.lines, self.source, self.log = lines, source, ProblemLog()
        self.braces = braces
        self.open: list[_Open] = []
        self.root: Located | None = None
        self.anchors: dict[str, tuple[Located | None, int]] = {}
        self.num_values = self.num_repeated = 0

    def build(self, events: Iterable[Any]) -> tuple[Located, ProblemLog]:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self.take_scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self.start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.end(event)
            elif isinstance(event, yaml.AliasEvent):
                self.repeat(event)
            elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                expected = "expected a single document in the stream"
                found = "but found another document"
                mark: Any = event.start_mark
                raise yaml.MarkedYAMLError(expected, None, found, mark)
        if self.root is None:
            raise SpecError([Problem(Place(self.source, 1, 1), "the document is empty")])
        return self.root, self.log

    def place(self, start: Any, end: Any) -> Place:
        return _find_place(self.lines, self.source, start, end)

    def take_scalar(self, event: Any) -> None:
        place = self.place(event.start_mark, event.end_mark)
        text = self.text_of(event, place)
        if self.is_key_next():
            self.take_key(text, place)
            return
        if event.tag not in _TAGS:
            found = self.refused_tag(event.tag, place)
        elif text is None:
            found = Located(None, place, faulty=True)
        else:
            found = self.scalar(text, place, is_plain=not event.style)
        self.count(1, place)
        self.anchor(event, found, 1)
        self.put(found)

    def text_of(self, event: Any, place: Place) -> str | None:
        """The text of a scalar; None, and a note, if it has characters that it may not have."""
        text: str = event.value
        if not text.isascii():
            for mask, brace in self.braces.items():
                text = text.replace(mask, brace)
        if event.style != '"':  # without escapes
            return text
        text = join_surrogates(text)
        if (position := find_forbidden(text)) is not None:
            self.log.add(place, describe_forbidden(text[position]))
            return None
        return text

    def scalar(self, text: str, place: Place, *, is_plain: bool) -> Located:
        try:
            return Located(read_scalar(text) if is_plain else text, place)
        except ValueError:
            self.log.add(place, "this number is too large")
            return Located(None, place, faulty=True)

    def refused_tag(self, tag: str, place: Place) -> Located:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.log.add(place, f"the tag '{shown}' is not allowed: specs hold plain values only")
        return Located(None, place, faulty=True)

    def start(self, event: Any) -> None:
        place = self.place(event.start_mark, event.end_mark)
        if len(self.open) > MAX_DEPTH:
            self.refuse(place)
        is_key = self.is_key_next()
        if is_key:
            self.log.add(place, _NO_WORD)
        self.anchor(event, None, 0)
        self.open.append(_Open(event, self.num_values, is_key))
        self.count(1, place)

    def end(self, event: Any) -> None:
        done = self.open.pop()
        place = self.place(done.event.start_mark, event.end_mark)
        if done.event.tag not in _TAGS:
            found = self.refused_tag(done.event.tag, place)
        elif done.members is not None:
            found = Located(done.members, place)
        else:
            found = Located(done.items, place, done.key_places)
        self.anchor(done.event, found, self.num_values - done.before)
        if done.is_key:
            self.open[-1].skips = True
        else:
            self.put(found)

    def repeat(self, event: Any) -> None:
        place = self.place(event.start_mark, event.end_mark)
        if self.is_key_next():
            self.log.add(place, _NO_WORD)
            self.open[-1].skips = True
            return
        if event.anchor not in self.anchors:
            problem = f"found undefined alias '{event.anchor}'"
            raise yaml.MarkedYAMLError(None, None, problem, event.start_mark)
        found, size = self.anchors[event.anchor]
        if found is None:
            self.refuse(place)
        else:
            self.num_repeated += size
            self.count(size, place)
            self.put(found)

    def is_key_next(self) -> bool:
        here = self.open[-1] if self.open else None
        return here is not None and here.members is None and here.key is None and not here.skips

    def take_key(self, key: str | None, place: Place) -> None:
        here = self.open[-1]
        if key is None:
            here.skips = True
        elif key in here.items:
            first = here.key_places[key]
            self.log.add(place, f"duplicate key '{key}' (first at line {first.line})")
            here.skips = True
        else:
            here.key, here.key_places[key] = key, place

    def put(self, found: Located) -> None:
        """Puts a value where it belongs; a key that is no word has none, nor has a key twice."""
        if not self.open:
            self.root = found
            return
        here = self.open[-1]
        if here.members is not None:
            here.members.append(found)
        elif here.key is not None:
            here.items[here.key], here.key = found, None
        else:
            here.skips = False

    def anchor(self, event: Any, found: Located | None, size: int) -> None:
        """Keeps a value for the aliases of its anchor; as None until it is whole."""
        if event.anchor is not None:
            self.anchors[event.anchor] = (found, size)

    def count(self, size: int, place: Place) -> None:
        self.num_values += size
        if self.num_values > _MAX_VALUES or self.num_repeated > _MAX_REPEATED:
            self.refuse(place)

    def refuse(self, place: Place) -> None:
        raise SpecError([Problem(place, _TOO_LARGE)])


def parse_value(text: str, source: str) -> Located:
    """Reads a value that stands outside a document: a scalar or a flow collection.

    Raises:
        SpecError: if it is not YAML.
    """
    if not text.strip():
        return Located("", Place(source))
    log = ProblemLog()
    found = read_yaml(text, source, log)
    log.raise_any()
    return found
