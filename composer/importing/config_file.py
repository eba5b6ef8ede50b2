"""Reads the YAML of detectron2's configurations: `_BASE_` chains, tuples, an inert `eval`.

Nothing in a file is executed. Of tags, those of YAML itself and Python's tuple are understood, and
an `eval` of arithmetic is worked out (`expressions`). Aliases and merge keys (`<<`) are followed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from composer.documents import Place, Problem, read_text
from composer.errors import SpecError
from composer.importing.expressions import evaluate_arithmetic

_BASE = "_BASE_"
_PYTHON = "tag:yaml.org,2002:python/"
_MAX_BASES = 20
_MAX_DEPTH = 30
_MAX_VALUES = 20_000
_MERGE = "tag:yaml.org,2002:merge"
MAX_CHARACTERS = 1_000_000


def read_config_file(path: Path) -> dict[str, Any]:
    """The values of a file and its bases by dotted key, such as `MODEL.RESNETS.DEPTH`.

    Raises:
        SpecError: a file cannot be read, or holds what is no plain value.
    """
    return _read_chain(path, ())


def _read_chain(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above or len(above) > _MAX_BASES:
        raise _error(path, _BASE, f"'{path}' refers back to itself")
    own = _FileReader(path).read()
    bases = own.pop(_BASE, None)
    found: dict[str, Any] = {}
    for base in bases if isinstance(bases, list) else [bases] * (bases is not None):
        if not isinstance(base, str) or "://" in base:
            raise _error(path, _BASE, f"a base is a file beside this one, not {base!r}")
        below = path.parent / Path(base).expanduser()
        found.update(_read_chain(below, (*above, path.resolve())))
    return {**found, **own}


class _FileReader:
    """Turns one file's YAML into plain values by dotted key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.constructor = yaml.SafeLoader("")
        self.num_values = 0

    def read(self) -> dict[str, Any]:
        if self.path.suffix == ".py":
            raise _error(
                self.path,
                "",
                "a configuration in Python (a lazy one) is code, which is not run: only YAML is "
                "read, such as the config.yaml that detectron2 writes beside a training.",
            )
        text = read_text(self.path, Place(str(self.path)))
        if len(text) > MAX_CHARACTERS:
            raise _error(self.path, "", "the configuration is too large")
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            raise _error(self.path, "", f"not valid YAML: {error}") from None
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise _error(self.path, "", "a configuration is a mapping")
        return self.flatten(root, "")

    def flatten(self, node: yaml.MappingNode, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if prefix.count(".") > _MAX_DEPTH:
            raise _error(self.path, prefix, "the configuration is too deep")
        for name, item in self.entries(node, prefix, 0).items():
            key = f"{prefix}{name}"
            if isinstance(item, yaml.MappingNode):
                found.update(self.flatten(item, f"{key}."))
            else:
                found[key] = self.value(item, key, 0)
        return found

    def entries(self, node: yaml.MappingNode, prefix: str, depth: int) -> dict[str, yaml.Node]:
        """A mapping's values by name; its own stand over those of `<<`, earlier over later."""
        self.count(prefix, depth)
        own: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key_node, item in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _error(self.path, prefix, "a key must be a plain word")
            if key_node.tag != _MERGE:
                own[key_node.value] = item
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                if not isinstance(source, yaml.MappingNode):
                    raise _error(self.path, prefix, "'<<' expects a mapping, or a list of them")
                merged = {**self.entries(source, prefix, depth + 1), **merged}
        return {**merged, **own}

    def value(self, node: yaml.Node, key: str, depth: int) -> Any:
        self.count(key, depth)
        if node.tag == f"{_PYTHON}object/apply:eval":
            return self.arithmetic(node, key)
        if isinstance(node, yaml.SequenceNode) and node.tag in (
            yaml.SafeLoader.DEFAULT_SEQUENCE_TAG,
            f"{_PYTHON}tuple",
        ):
            return [self.value(item, key, depth + 1) for item in node.value]
        if isinstance(node, yaml.ScalarNode) and node.tag in yaml.SafeLoader.yaml_constructors:
            return self.scalar(node, key)
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        raise _error(self.path, key, f"the tag '{tag}' is not allowed: only plain values are read")

    def count(self, key: str, depth: int) -> None:
        self.num_values += 1
        if depth > _MAX_DEPTH or self.num_values > _MAX_VALUES:
            raise _error(self.path, key, "the value is too deep or too large")

    def scalar(self, node: yaml.ScalarNode, key: str) -> Any:
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            raise _error(self.path, key, f"not a value: {error}") from None
        return _as_literal(value) if isinstance(value, str) else value

    def arithmetic(self, node: yaml.Node, key: str) -> Any:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if len(parts) != 1 or not isinstance(parts[0], yaml.ScalarNode):
            raise _error(self.path, key, "an 'eval' of one expression was expected")
        try:
            return evaluate_arithmetic(parts[0].value)
        except ValueError as error:
            raise _error(self.path, key, f"this is not evaluated: {error}") from None


def _as_literal(text: str) -> Any:
    """The Python literal that a text is, as detectron2 reads `(60000, 80000)`; else the text."""
    try:
        return _with_lists(ast.literal_eval(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return text


def _with_lists(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_with_lists(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _with_lists(item) for key, item in value.items()}
    raise ValueError(f"{value!r} is no plain value")


def _error(path: Path, key: str, message: str) -> SpecError:
    return SpecError([Problem(Place(str(path), pointer=key.rstrip(".")), message)])
