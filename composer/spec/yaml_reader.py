"""Reads YAML into located values.

Three things differ from a plain `yaml.safe_load`: every value keeps its place, scalars follow the
core schema of YAML 1.2 (so `no` is a word and `1e-5` a number), and `${name}` may stand unquoted
inside `{...}`. Tags are refused: nothing in a spec builds an object.
"""

from __future__ import annotations

import re

import yaml

from composer.errors import SpecError
from composer.spec.located import Located
from composer.spec.places import Place
from composer.spec.problems import Problem, ProblemLog

_MAX_VALUES = 100_000
_MAX_DEPTH = 100

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
_IMPLICIT_TAGS = {None, "!", "tag:yaml.org,2002:str"}


class _Loader(yaml.SafeLoader):
    """A safe loader that gives every plain scalar as a string; the core schema follows here."""


_Loader.yaml_implicit_resolvers = {}


def read_yaml(text: str, source: str) -> Located:
    """Parses one YAML document.

    Args:
        text: the document.
        source: what to call it in messages.

    Raises:
        SpecError: for syntax errors, duplicate keys, tags and documents beyond the limits.
    """
    masked = _REFERENCE.sub(lambda m: f"${_OPEN}{m.group(1)}{_CLOSE}", text)
    reader = _Reader(text.splitlines(), source)
    try:
        root = yaml.compose(masked, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise SpecError([reader.syntax_problem(error)]) from None
    except yaml.YAMLError as error:
        raise SpecError([Problem(Place(source, 1, 1), f"not YAML: {error}")]) from None
    if root is None:
        raise SpecError([Problem(Place(source, 1, 1), "the document is empty")])
    located = reader.locate(root, 0)
    reader.log.raise_any()
    return located


class _Reader:
    def __init__(self, lines: list[str], source: str) -> None:
        self.lines, self.source = lines, source
        self.log = ProblemLog()
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
        place = self.place(mark, mark)
        return Problem(place, f"not valid YAML: {what}")

    def locate(self, node: yaml.Node, depth: int) -> Located:
        place = self.place(node.start_mark, node.end_mark)
        self.num_values += 1
        if self.num_values > _MAX_VALUES or depth > _MAX_DEPTH:
            raise SpecError([Problem(place, "the document is too large or refers to itself")])
        if isinstance(node, yaml.ScalarNode):
            return Located(self.scalar(node, place), place)
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self.log.add(
                place, f"the tag '{node.tag}' is not allowed: specs hold plain values only"
            )
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

    def scalar(self, node: yaml.ScalarNode, place: Place) -> bool | int | float | str | None:
        if node.tag not in _IMPLICIT_TAGS:
            self.log.add(
                place, f"the tag '{node.tag}' is not allowed: specs hold plain values only"
            )
        text = _unmask(node.value)
        return text if node.style else _core_scalar(text)


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


def parse_value(text: str) -> Located:
    """Reads the value part of `--set name=value`: a scalar or a flow collection.

    Raises:
        SpecError: if it is not YAML.
    """
    return read_yaml(text, "--set") if text.strip() else Located("", Place("--set"))
