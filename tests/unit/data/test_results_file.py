"""Entries of results are read one by one, and what is wrong with one is told."""

import json

import pytest

from composer.data import read_entries
from composer.errors import DataError, InputError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results.json"


def read_score(entry):
    if entry["score"] == 7:
        raise InputError("seven is no score")
    return float(entry["score"])


def test_something_is_made_of_every_entry_in_order(file):
    file.write_text('[{"score": 2}, {"score": "1"}]')
    assert read_entries(file, read_score, "a 'score'") == [2.0, 1.0]
    file.write_text("[]")
    assert read_entries(file, read_score, "a 'score'") == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, r"results\.json: entry 1 has no 'score'\. It needs a 'score': {}"),
        ({"score": "x"}, r"entry 1 is malformed: .*'x'\. It needs a 'score': {'score': 'x'}"),
        (None, r"entry 1 is malformed: it is no mapping\. It needs a 'score': None"),
        ({"score": 7}, r"entry 1: seven is no score$"),
    ],
)
def test_a_bad_entry_is_reported_by_its_number(file, entry, message):
    file.write_text(json.dumps([{"score": 1}, entry]))
    with pytest.raises(DataError, match=message):
        read_entries(file, read_score, "a 'score'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "expected a list of entries in COCO's results format, not a dict"),
        ("[", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (
            '{"score": 1}\n{"score": 2}\n',
            r"not JSON: Extra data: line 2.*a document a line is none",
        ),
        ('[{"score": 1, "score": 2}]', "the key 'score' has several values in a mapping$"),
    ],
    ids=["mapping", "torn", "deep", "lines", "twins"],
)
def test_other_documents_are_refused(file, text, message):
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_entries(file, read_score, "a 'score'")


def test_a_missing_file_is_reported(file):
    with pytest.raises(DataError, match=r"results\.json: cannot be read: No such file"):
        read_entries(file, read_score, "a 'score'")
