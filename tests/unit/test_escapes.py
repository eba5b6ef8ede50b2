"""Text from strangers has no effect on a terminal."""

import os

import pytest

from composer.errors import InputError
from composer.escapes import escape_controls, escape_name, shorten_words


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
