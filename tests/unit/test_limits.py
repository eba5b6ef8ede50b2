"""One limit on what a small file may become, and one text that says so."""

import pytest

from composer.limits import (
    FACTOR,
    FLOOR,
    VARIABLE,
    Expansion,
    ExpansionError,
    check_expansion,
    format_bytes,
    max_expansion,
    parse_bytes,
)


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_small_file_may_become_the_floor_and_a_large_one_a_multiple_of_itself():
    assert max_expansion(0) == max_expansion(1000) == FLOOR
    assert max_expansion(FLOOR) == FACTOR * FLOOR
    check_expansion("small.npz", size=10, needed=FLOOR)
    check_expansion("large.npz", size=FLOOR, needed=FACTOR * FLOOR)


def test_the_message_names_the_file_the_sizes_and_a_value_that_is_enough(monkeypatch):
    needed = 49 * 2**30 // 10
    with pytest.raises(ExpansionError) as caught:
        check_expansion("bomb.npz", size=18 * 2**20, needed=needed)
    message = str(caught.value)
    assert message.startswith("bomb.npz: refused: the file of 18 MiB would take at least 4.9 GiB")
    assert "1 GiB is the limit. If you trust the file, raise the limit" in message
    assert f"({VARIABLE}=5G)." in message
    monkeypatch.setenv(VARIABLE, "5G")
    check_expansion("bomb.npz", size=18 * 2**20, needed=needed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4000", 4000), (" 2G ", 2**31), ("2GiB", 2**31), ("3 mb", 3 * 2**20), ("1t", 2**40)],
)
def test_the_variable_replaces_the_floor(text, expected, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    assert max_expansion(10) == expected


@pytest.mark.parametrize("text", ["much", "-1", "1e9", "2X", "9" * 40])
def test_another_value_than_bytes_is_reported_with_the_variable(text, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ExpansionError, match=rf"{VARIABLE} is .* number of bytes, such as .* 2G"):
        max_expansion(10)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (2**30, "1 GiB"),
        (20 * 2**20, "20 MiB"),
        (3 * 2**39, "1.5 TiB"),
    ],
)
def test_bytes_are_written_for_people(count, text):
    assert format_bytes(count) == text


def test_an_absurd_claim_is_still_a_message():
    with pytest.raises(ExpansionError, match="TiB"):
        check_expansion("x", size=1, needed=10**2000)


def test_the_parts_of_a_file_are_added_up():
    expansion = Expansion("parts.pkl", 100)
    for _ in range(4):
        expansion.add(FLOOR // 4)
    with pytest.raises(ExpansionError, match=r"parts\.pkl: refused: the file of 100 bytes"):
        expansion.add(1)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500", 500),
        ("20G", 20 * 2**30),
        (" 1 MiB ", 2**20),
        ("3k", 3072),
        ("much", None),
        ("", None),
    ],
)
def test_sizes_are_read_as_people_write_them(text, number):
    assert parse_bytes(text) == number
