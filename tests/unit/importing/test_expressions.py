"""Arithmetic is worked out; anything more is refused."""

import pytest

from composer.importing.expressions import evaluate_arithmetic


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("-2 * 3 + 1.5", -4.5),
        ("2 ** 10 / 4", 256.0),
        ("[1, (2, 3)]", [1, [2, 3]]),
        ("[x * 2 for x in [32, 64]]", [64, 128]),
        ("[[x, x * 2**(2.0/2)] for x in [32, 64]]", [[32, 64.0], [64, 128.0]]),
        ("[[x + y for x in [1, 2]] for y in [10, 20]]", [[11, 12], [21, 22]]),
    ],
)
def test_arithmetic_has_the_value_that_python_gives_it(text, value):
    assert evaluate_arithmetic(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "x",
        "'text'",
        "True",
        "[x for x in [1] if x]",
        "[x for x in 3]",
        "[x for x, y in [[1, 2]]]",
        "[1] * 1000000",
        "lambda: 1",
        "10 ** 65",
        "9e8 * 9e8",
        "(-8) ** 0.5",
        "1 / 0",
        "1 +",
        "[" * 500,
        "1" * 3000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        evaluate_arithmetic(text)
