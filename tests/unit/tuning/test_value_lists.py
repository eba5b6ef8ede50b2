"""Lists of values: ranges with their ends, values in YAML, and mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.errors import InputError
from composer.tuning import parse_values, parse_variation


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.3:0.7:0.1", [0.3, 0.4, 0.5, 0.6, 0.7]),
        ("0.7:0.3:-0.2", [0.7, 0.5, 0.3]),
        ("0:1:0.3", [0.0, 0.3, 0.6, 0.9]),
        ("1:3", [1, 2, 3]),
        ("100:500:200", [100, 300, 500]),
        ("0.05,0.1", [0.05, 0.1]),
        ("0.05, 0.2:0.4:0.1", [0.05, 0.2, 0.3, 0.4]),
        ("0.5,0.50,0.5", [0.5]),
        ("1,1.0,true", [1, 1.0, True]),
        ("GN,BN,null", ["GN", "BN", None]),
        ("[1, 2],[3, 4]", [[1, 2], [3, 4]]),
        ("{a: 1},{a: 2}", [{"a": 1}, {"a": 2}]),
        ("'a,b',c", ["a,b", "c"]),
        ("cuda:0,cpu", ["cuda:0", "cpu"]),
    ],
)
def test_lists_are_ranges_and_values_in_yaml(text, values):
    found = parse_values(text)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.3:", "has no end"),
        ("0.3::0.1", "has no end"),
        (":0.7:0.1", "has no start"),
        ("0.3:0.7:", "has no step"),
        ("0.3:0.7", "has no step"),
        ("0.3:0.7:0", "never gets to its end"),
        ("0.3:0.7:-0.1", "never gets to its end"),
        ("0.3:x:0.1", "'x' in the range '0.3:x:0.1' is no number"),
        ("0:inf:1", "'inf' in the range"),
        ("1:2:3:4", "has 4 parts"),
        ("0:1:1e-9", "more than 10000 values"),
        ("0.1,,0.2", "has an empty value"),
        ("0.1,", "has an empty value"),
        ("  ", "there are no values"),
        ("[1,2", "lacks a closing ]"),
        ("'a", "lacks a closing '"),
        ("{a: 1", "lacks a closing }"),
        ("a: b: c", "'a: b: c' is no value"),
    ],
)
def test_mistakes_name_the_part_that_is_wrong(text, message):
    with pytest.raises(InputError) as error:
        parse_values(text)
    assert message in str(error.value)


def test_variation_is_an_address_and_values():
    assert parse_variation("detections.nms_threshold=0.4,0.6") == (
        "detections.nms_threshold",
        [0.4, 0.6],
    )
    for text in ("detections.nms_threshold", "=0.4", ""):
        with pytest.raises(InputError, match="is not ADDRESS=VALUES"):
            parse_variation(text)
    with pytest.raises(InputError, match=r"a\.b=0\.3:: the range '0\.3:' has no end"):
        parse_variation("a.b=0.3:")


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 99))
def test_ends_of_decimal_ranges_are_included(start, count, step):
    first, last, by = start / 100, (start + count * step) / 100, step / 100
    found = parse_values(f"{first}:{last}:{by}")
    assert len(found) == count + 1
    assert found[0] == first
    assert found[-1] == last
