"""Text from strangers has no effect on a terminal."""

import os
import re
from pathlib import Path

import pytest

from composer.errors import InputError
from composer.escapes import describe_error, escape_controls, escape_name, shorten_words

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain Käfer 甲虫 🐞\n\tindented", "plain Käfer 甲虫 🐞\n\tindented"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m\x7f\0", "\\x9b31m\\x7f\\x00"),
        ("a\rb", "a\\rb"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2066x\u2069\u200f\u2028", "\\u2066x\\u2069\\u200f\\u2028"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_become_visible(text, expected):
    assert escape_controls(text) == expected


def test_an_error_is_described_without_colours():
    error = ValueError("\n  Failed. \x1b[96mStep 3/3\x1b[0m of it.\nNext steps:")
    assert describe_error(error) == "ValueError: Failed. Step 3/3 of it. Next steps:"


def test_a_name_is_on_one_line():
    assert escape_name("a.jpg\n  saved\tall") == "a.jpg\\n  saved\\tall"


@pytest.mark.parametrize("word", ["9" * 5000, "/" * 10_000, "'" + "a" * 10_000 + "'"])
def test_messages_have_no_words_without_an_end(word):
    assert shorten_words(f"a {'b' * 300} c") == f"a {'b' * 300} c"
    text = f"cannot read {word}, which is no file"
    assert str(InputError(text)) == shorten_words(text)
    assert 200 < len(shorten_words(text)) < 300
    assert shorten_words(text).startswith(text[:100])
    assert shorten_words(text).endswith(text[-50:])


class UnspeakableError(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (ValueError("two\n  lines,\r\n\n and\ttabs\n"), "ValueError: two lines, and tabs", None),
        (KeyError("name"), "KeyError: 'name'", None),
        (RuntimeError(), "RuntimeError", "RuntimeError"),
        (UnspeakableError(), "UnspeakableError", "UnspeakableError"),
    ],
)
def test_an_error_is_described_on_one_line(error, expected, message):
    assert describe_error(error) == expected
    message = expected.partition(": ")[2] if message is None else message
    assert describe_error(error, with_kind=False) == message


def test_errors_of_others_are_described_in_one_place():
    by_hand = re.compile(r"type\(error\)\.__name__\}: \{error\}")
    files = [*ROOT.glob("composer/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    assert len(files) > 500
    assert [path for path in files if by_hand.search(path.read_text(encoding="utf-8"))] == []
