"""Reads YAML into located values.

Three things differ from a plain `yaml.safe_load`: every value keeps its place, scalars follow the
core schema of YAML 1.2 (so `no` is a word and `1e-5` a number), and `${name}` may stand unquoted
inside `{...}`. Tags are refused: nothing in a spec builds an object.
"""

from __future__ import annotations

import re
from functools import lru_cache

import yaml
from yaml.reader import ReaderError

from composer.documents.located import Located
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.errors import SpecError

_MAX_CHARACTERS = 2_000_000
_MAX_VALUES = 100_000
_MAX_DEPTH = 100
_TOO_LARGE = "the document is too large, too deep, or refers to itself"

# `{` and `}` of `${name}` are swapped for single characters of the private use area before YAML
# sees them (it takes braces for flow mappings) and swapped back in every scalar; one for one, so
# that columns stay right.
_OPEN, _CLOSE = "\ue000", "\ue001"
_REFERENCE = re.compile(r"\$\{([^{}\n]*)\}")

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")}


class _Loader(yaml.SafeLoader):
    """A safe loader that keeps plain scalars as strings; the core schema follows here."""


_Loader.yaml_implicit_resolvers = {}


def read_yaml(text: str, source: str, log: ProblemLog) -> Located:
    """Parses one YAML document.

    Args:
        text: the document.
        source: its name in messages.
        log: takes duplicate keys and tags; what they stand at is left out or marked as faulty.

    Raises:
        SpecError: for syntax errors and for documents beyond the limits.
    """
    if len(text) > _MAX_CHARACTERS:
        raise SpecError([Problem(Place(source, 1, 1), _TOO_LARGE)])
    text = text.removeprefix("\ufeff")
    masked = _REFERENCE.sub(lambda m: f"${_OPEN}{m.group(1)}{_CLOSE}", text)
    reader = _Reader(text.splitlines(), source, log)
    try:
        root = _compose(masked)
    except yaml.MarkedYAMLError as error:
        raise SpecError([reader.syntax_problem(error)]) from None
    except ReaderError as error:
        raise SpecError([reader.character_problem(error, text)]) from None
    except RecursionError:
        raise SpecError([Problem(Place(source, 1, 1), _TOO_LARGE)]) from None
    if root is None:
        raise SpecError([Problem(Place(source, 1, 1), "the document is empty")])
    return reader.locate(root, 0)


@lru_cache(maxsize=64)  # a model's documents are read again for every graph of it
def _compose(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=_Loader)


class _Reader:
    def __init__(self, lines: list[str], source: str, log: ProblemLog) -> None:
        self.lines, self.source, self.log = lines, source, log
        self.num_values = 0

    def place(self, start: yaml.Mark | None, end: yaml.Mark | None = None) -> Place:
        if start is None:
            return Place(self.source, 1, 1)
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        on_one_line = end is not None and end.line == start.line
        stop = end.column if end is not None and on_one_line else len(text)
        width = max(1, stop - start.column)
        return Place(self.source, start.line + 1, start.column + 1, width, text)

    def syntax_problem(self, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark or error.context_mark
        what = ": ".join(part for part in (error.context, error.problem) if part)
        begun = error.context_mark
        if begun is not None and mark is not None and begun.line != mark.line:
            what += f" (it begins at line {begun.line + 1})"
        place = self.place(mark, mark)
        return Problem(place, f"not valid YAML: {_unmask(what)}")

    def character_problem(self, error: ReaderError, text: str) -> Problem:
        before = text[: error.position].splitlines(keepends=True) or [""]
        mark = yaml.Mark("", error.position, len(before) - 1, len(before[-1]), None, 0)
        what = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        return Problem(self.place(mark, mark), what)

    def locate(self, node: yaml.Node, depth: int) -> Located:
        place = self.place(node.start_mark, node.end_mark)
        self.num_values += 1
        if self.num_values > _MAX_VALUES or depth > _MAX_DEPTH:
            raise SpecError([Problem(place, _TOO_LARGE)])
        if node.tag not in _TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag '{tag}' is not allowed: specs hold plain values only"
            self.log.add(place, message)
            return Located(None, place, faulty=True)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, place)
        if isinstance(node, yaml.SequenceNode):
            return Located([self.locate(item, depth + 1) for item in node.value], place)
        return self.mapping(node, place, depth)

    def mapping(self, node: yaml.Node, place: Place, depth: int) -> Located:
        items: dict[str, Located] = {}
        key_places: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key_place = self.place(key_node.start_mark, key_node.end_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.log.add(key_place, "a key must be a plain word")
                continue
            key = _unmask(key_node.value)
            if key in items:
                first = key_places[key]
                self.log.add(key_place, f"duplicate key '{key}' (first at line {first.line})")
                continue
            key_places[key] = key_place
            items[key] = self.locate(value_node, depth + 1)
        return Located(items, place, key_places)

    def scalar(self, node: yaml.ScalarNode, place: Place) -> Located:
        text = _unmask(node.value)
        try:
            return Located(text if node.style else _core_scalar(text), place)
        except ValueError:  # Python refuses integers of thousands of digits
            self.log.add(place, "this number is too large")
            return Located(None, place, faulty=True)


def _unmask(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _core_scalar(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar by the core schema of YAML 1.2 (section 10.3)."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


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
