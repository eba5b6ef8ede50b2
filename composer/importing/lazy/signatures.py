"""The constructors of detectron2 that configurations name: arguments, kinds, defaults."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from composer.importing.lazy.elements import PythonCall, PythonName

_FILE = Path(__file__).with_name("signatures.yaml")
_PACKAGE = "detectron2."
_CALLS = ("call", "shape")
_WORDS: Mapping[str, str] = {
    "int": "a whole number",
    "size": "a whole number above 0",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "name": "a class or function",
    "norm": "the name of a normalisation",
    "call": "a mapping with '_target_'",
    "shape": "a ShapeSpec",
    "dict": "a mapping",
    "None": "null",
}


@dataclass(frozen=True)
class Parameter:
    """One argument of a constructor.

    Args:
        kind: the kind of its value, as Python annotates it.
        default: its default.
        is_required: whether it has none.
        is_positional: whether it may be given without its name.
    """

    kind: ast.expr
    default: Any
    is_required: bool
    is_positional: bool

    def describe(self) -> str:
        """The kind in words, such as "a list of numbers"."""
        return _describe(self.kind)

    def accepts(self, value: Any) -> bool:
        """Whether a plain value is of this kind."""
        return _fits(value, self.kind)

    @property
    def holds_calls(self) -> bool:
        """Whether its value is a call of another constructor, or a list of such."""
        names = {node.id for node in ast.walk(self.kind) if isinstance(node, ast.Name)}
        return bool(names & set(_CALLS))


Signature = Mapping[str, Parameter]


@cache
def read_signatures() -> Mapping[str, Signature]:
    """The signature of each constructor by its name, such as `FPN` or `ResNet.make_stage`."""
    texts = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: _parse(text) for name, text in texts.items()}


def find_constructor(target: str) -> str | None:
    """The name of detectron2's constructor that a dotted path leads to, if it is a known one.

    Paths differ with the module that a class was imported from.
    """
    if not target.startswith(_PACKAGE):
        return None
    *_, outer, inner = ("", *target.split("."))
    known = read_signatures()
    return next((name for name in (f"{outer}.{inner}", inner) if name in known), None)


def _parse(text: str) -> Signature:
    # Arguments without defaults may follow others with them where all have a name.
    (function,) = ast.parse(f"def made({text.strip() or ''}): ...").body
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    found: dict[str, Parameter] = {}
    num_required = len(arguments.args) - len(arguments.defaults)
    defaults = [*[None] * num_required, *arguments.defaults]
    for one, default in zip(arguments.args, defaults, strict=True):
        found[one.arg] = _parameter(one, default, is_positional=True)
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found[one.arg] = _parameter(one, default, is_positional=False)
    return found


def _parameter(one: ast.arg, default: ast.expr | None, *, is_positional: bool) -> Parameter:
    assert one.annotation is not None
    value = None if default is None else ast.literal_eval(default)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(one.annotation, ast.Name) and one.annotation.id == "name":
        value = None if value is None else PythonName(str(value))
    return Parameter(one.annotation, value, default is None, is_positional)


def _fits(value: Any, kind: ast.expr) -> bool:
    if isinstance(kind, ast.BinOp):
        return _fits(value, kind.left) or _fits(value, kind.right)
    if isinstance(kind, ast.Subscript):
        return isinstance(value, list) and all(_fits(item, kind.slice) for item in value)
    if isinstance(kind, ast.Constant):
        return value is None
    assert isinstance(kind, ast.Name)
    if isinstance(value, bool):
        return kind.id == "bool"
    if kind.id == "size":
        return isinstance(value, int) and value > 0
    kinds: dict[str, Any] = {
        "int": int,
        "float": (int, float),
        "bool": bool,
        "str": str,
        "dict": dict,
        "call": (dict, PythonCall),
        "shape": (dict, PythonCall),
        "name": (PythonName, PythonCall),
        "norm": (str, PythonName, PythonCall, type(None)),
    }
    return isinstance(value, kinds[kind.id])


def _describe(kind: ast.expr) -> str:
    if isinstance(kind, ast.BinOp):
        return f"{_describe(kind.left)} or {_describe(kind.right)}"
    if isinstance(kind, ast.Subscript):
        return f"a list, each item {_describe(kind.slice)},"
    return _WORDS[ast.unparse(kind)]
