"""Works out the arithmetic that some configurations hold, without running it as code.

Known are numbers, lists and tuples, `+ - * / **`, and list comprehensions over lists.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeGuard

Value: TypeAlias = "int | float | list[Value]"

_MAX_CHARACTERS = 2000
_MAX_ITEMS = 1000
_MAX_MAGNITUDE = 1e9
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def evaluate_arithmetic(text: str) -> Value:
    """The value of an expression such as `[x * 2 ** (1 / 3) for x in [32, 64]]`.

    Raises:
        ValueError: the text is anything but arithmetic, or its value is too large.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ValueError("the expression is too long")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _evaluate(tree.body, {})
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is no expression") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{text!r} has no value: {error}") from None


def _evaluate(node: ast.expr, names: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant) and _is_number(node.value):
        return _bounded(node.value)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        return _limited([_evaluate(item, names) for item in node.elts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(_evaluate(node.operand, names))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left = _number(_evaluate(node.left, names))
        right = _number(_evaluate(node.right, names))
        return _calculate(type(node.op), left, right)
    if isinstance(node, ast.ListComp) and len(node.generators) == 1:
        return _evaluate_comprehension(node, node.generators[0], names)
    raise ValueError(f"{ast.unparse(node)!r} is more than arithmetic on numbers and lists")


def _evaluate_comprehension(
    node: ast.ListComp, loop: ast.comprehension, names: Mapping[str, Value]
) -> Value:
    source = _evaluate(loop.iter, names)
    if loop.ifs or not isinstance(loop.target, ast.Name) or not isinstance(source, list):
        raise ValueError(f"{ast.unparse(node)!r} is more than a loop over a list")
    target = loop.target.id
    return _limited([_evaluate(node.elt, {**names, target: item}) for item in source])


def _calculate(kind: type[ast.operator], left: float, right: float) -> float:
    if kind is ast.Pow and abs(right) > 64:
        raise ValueError(f"the power {right} is too large")
    result = _OPERATORS[kind](left, right)
    if isinstance(result, complex):
        raise ValueError("the value is not a real number")
    return _bounded(result)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Value) -> float:
    if isinstance(value, list):
        raise ValueError("arithmetic is for numbers, not for lists")
    return value


def _bounded(value: float) -> float:
    if not abs(value) <= _MAX_MAGNITUDE:
        raise ValueError(f"the number {value:g} is too large")
    return value


def _limited(items: list[Value]) -> Value:
    if len(items) > _MAX_ITEMS:
        raise ValueError(f"a list has more than {_MAX_ITEMS} items")
    return items
