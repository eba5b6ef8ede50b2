"""Reads the YAML that detectron2's LazyConfig writes; its python tags stay inert.

Nothing in a file is imported or called. A tag such as `!!python/name:` becomes the name that it
holds, `!!python/object/apply:` a call that is never made. Aliases are followed, and count as often
as they occur.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from composer.documents import Place, Problem
from composer.errors import SpecError
from composer.importing.lazy.elements import Element, PythonCall, PythonName

_YAML = "tag:yaml.org,2002:"
_PYTHON = f"{_YAML}python/"
_TUPLE = f"{_PYTHON}tuple"
_NAMES = (f"{_PYTHON}name:", f"{_PYTHON}module:")
_CALLS = (f"{_PYTHON}object/apply:", f"{_PYTHON}object/new:", f"{_PYTHON}object:")
_PARTIAL = "functools.partial"
_MAX_DEPTH = 60
_MAX_VALUES = 50_000
# Numbers to OmegaConf, and texts to YAML 1.1: 1e-6.
_EXPONENT = re.compile(r"[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+")


def read_lazy_file(text: str, path: Path) -> Element:
    """The content of a file: a mapping.

    Args:
        text: the file's text.
        path: the file, for messages.

    Raises:
        SpecError: the text is no YAML, is too large, or holds what has no meaning.
    """
    return _FileReader(text, path).read()


class _FileReader:
    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        self.lines = text.splitlines()
        self.constructor = yaml.SafeLoader("")
        self.num_values = 0

    def read(self) -> Element:
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self.error(mark, f"not valid YAML: {error.problem}") from None
        except (yaml.YAMLError, RecursionError) as error:
            reason = "too deep" if isinstance(error, RecursionError) else str(error)
            raise self.error(None, f"not valid YAML: {reason}") from None
        if not isinstance(root, yaml.MappingNode):
            mark = root.start_mark if root is not None else None
            raise self.error(mark, "a configuration is a mapping")
        return self.element(root, 0)

    def element(self, node: yaml.Node, depth: int) -> Element:
        self.num_values += 1
        if depth > _MAX_DEPTH or self.num_values > _MAX_VALUES:
            what = "refers to itself, or is too deep" if depth > _MAX_DEPTH else "is too large"
            raise self.error(node.start_mark, f"the configuration {what}")
        return Element(self.value(node, depth), self.place(node))

    def value(self, node: yaml.Node, depth: int) -> Any:
        tag = node.tag
        if tag.startswith(_NAMES):
            return PythonName(_dotted_name(tag))
        if tag.startswith(_CALLS):
            return self.call(node, depth)
        if isinstance(node, yaml.MappingNode) and tag == f"{_YAML}map":
            return self.entries(node, depth)
        if isinstance(node, yaml.SequenceNode) and tag in (f"{_YAML}seq", _TUPLE):
            return [self.element(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.ScalarNode) and tag in yaml.SafeLoader.yaml_constructors:
            return self.scalar(node)
        shown = unquote(tag.replace(_YAML, "!!"))
        raise self.error(node.start_mark, f"the tag '{shown}' has no meaning in a configuration")

    def entries(self, node: yaml.MappingNode, depth: int) -> dict[str, Element]:
        found: dict[str, Element] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_YAML}merge":
                raise self.error(key.start_mark, "a key must be a plain word")
            if key.value in found:
                raise self.error(key.start_mark, f"the key '{key.value}' occurs twice")
            found[key.value] = self.element(item, depth + 1)
        return found

    def call(self, node: yaml.Node, depth: int) -> PythonCall:
        name = _dotted_name(node.tag)
        content = _Content(node, self, depth)
        if name == _PARTIAL:
            return content.partial(name)
        if node.tag.startswith(f"{_PYTHON}object:"):
            return PythonCall(name, (), content.fields)
        return PythonCall(name, content.items("args"), content.mapping("kwds"))

    def scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == f"{_YAML}str":
            is_number = node.style is None and _EXPONENT.fullmatch(node.value)
            return float(node.value) if is_number else node.value
        try:
            return self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            raise self.error(node.start_mark, f"not a value: {error}") from None

    def place(self, node: yaml.Node) -> Place:
        start, end = node.start_mark, node.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        width = end.column - start.column if end.line == start.line else len(line) - start.column
        return Place(str(self.path), start.line + 1, start.column + 1, max(1, width), line)

    def error(self, mark: yaml.Mark | None, message: str) -> SpecError:
        place = Place(str(self.path))
        if mark is not None:
            line = self.lines[mark.line] if mark.line < len(self.lines) else ""
            place = Place(str(self.path), mark.line + 1, mark.column + 1, 1, line)
        return SpecError([Problem(place, message)])


def _dotted_name(tag: str) -> str:
    """The name of Python that a tag holds: `torch.nn.GELU` of `!!python/name:torch.nn.GELU`."""
    return unquote(tag.removeprefix(_PYTHON).partition(":")[2])


class _Content:
    """The arguments below a tag that stands for a call."""

    def __init__(self, node: yaml.Node, reader: _FileReader, depth: int) -> None:
        self.fields: dict[str, Element] = {}
        self.listed: tuple[Element, ...] = ()
        if isinstance(node, yaml.MappingNode):
            self.fields = reader.entries(node, depth)
        elif isinstance(node, yaml.SequenceNode):
            self.listed = tuple(reader.element(item, depth + 1) for item in node.value)

    def items(self, name: str) -> tuple[Element, ...]:
        found = self.fields[name].value if name in self.fields else self.listed
        return tuple(found) if isinstance(found, (list, tuple)) else ()

    def mapping(self, name: str) -> dict[str, Element]:
        found = self.fields[name].value if name in self.fields else {}
        return found if isinstance(found, dict) else {}

    def partial(self, name: str) -> PythonCall:
        """A partial's function with its arguments: pickled ones stand in its state."""
        function = self.items("args")
        state = self.items("state")
        if len(state) >= 3 and isinstance(state[1].value, list):
            keywords = state[2].value
            given = keywords if isinstance(keywords, dict) else {}
            return PythonCall(name, (state[0], *state[1].value), given)
        return PythonCall(name, function, self.mapping("kwds"))
